#include "server/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace circuitd {
namespace {

TEST(LogTest, TextLinesAreKeyValuePairs) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "job", {{"job", "jobs/a1"}, {"state", "failed"}}),
            "job job=jobs/a1 state=failed");
}

TEST(LogTest, TextLinesQuoteWhatClientsCouldForgeLinesWith) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "job", {{"owner", "eve\nerror state=ok"}}),
            R"(job owner="eve\nerror state=ok")");
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "a\nb", {}), "a b");
  EXPECT_EQ(FormatLogLine(LogFormat::kText, "job", {{"owner", ""}}), R"(job owner="")");
}

TEST(LogTest, JsonLinesAreTheInnerPartOfAnObject) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, "rpc", {{"code", "OK"}, {"peer", "a\"b"}}),
            R"("message":"rpc","code":"OK","peer":"a\"b")");
}

TEST(LogTest, JsonLinesSurviveInvalidUtf8) {
  EXPECT_THAT(FormatLogLine(LogFormat::kJson, "x\xff", {}), testing::StartsWith(R"("message":"x)"));
}

TEST(LogTest, RejectsUnknownLevel) {
  const absl::Status status = InitLogging("loud", LogFormat::kText);
  EXPECT_EQ(FieldOf(status), "log-level");
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("\"loud\""));
}

}  // namespace
}  // namespace circuitd
