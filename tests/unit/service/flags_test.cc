#include "server/service/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "server/service/server.h"

namespace circuitd {
namespace {

ParsedFlags Parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "circuitd");
  return ParseFlags(static_cast<int>(flags.size()), flags.data());
}

TEST(FlagsTest, DefaultsServeOnLoopback) {
  const ParsedFlags parsed = Parse({});
  EXPECT_EQ(parsed.exit_code, std::nullopt);
  EXPECT_EQ(parsed.options.address, "127.0.0.1:50051");
  EXPECT_TRUE(IsLoopback(parsed.options.address));
  EXPECT_TRUE(IsLoopback(parsed.options.metrics_address));
}

TEST(FlagsTest, ReadsSizesNamesAndSwitches) {
  const std::string folder = testing::TempDir() + "x=y";
  std::filesystem::create_directory(folder);
  const std::string model = "a=" + folder;
  const ParsedFlags parsed = Parse({"--memory-budget",
                                    "512MiB",
                                    "--max-dataset-bytes=2KB",
                                    "--model",
                                    model.c_str(),
                                    "--model",
                                    "b=/",
                                    "--load",
                                    "a",
                                    "--load",
                                    "b",
                                    "--hugging-face-cache",
                                    "off",
                                    "--drain-timeout",
                                    "1.5",
                                    "--metrics-address",
                                    "",
                                    "--log-format",
                                    "json",
                                    "--stream-idle-timeout",
                                    "7"});
  ASSERT_EQ(parsed.exit_code, std::nullopt);
  const ServerOptions& options = parsed.options;
  EXPECT_EQ(options.memory_budget_bytes, int64_t{512} << 20);
  EXPECT_EQ(options.max_dataset_bytes, 2000);
  EXPECT_EQ(options.models.locations.folders.at("a"), folder);
  EXPECT_EQ(options.models.locations.folders.at("b"), "/");
  EXPECT_THAT(options.load, testing::ElementsAre("a", "b"));
  EXPECT_TRUE(options.models.locations.hugging_face_caches.empty());
  EXPECT_EQ(options.drain_timeout, absl::Milliseconds(1500));
  EXPECT_EQ(options.stream_idle_timeout, absl::Seconds(7));
  EXPECT_EQ(options.metrics_address, "");
  EXPECT_EQ(options.log_format, LogFormat::kJson);
}

TEST(FlagsTest, HelpAndVersionExitWithSuccess) {
  EXPECT_EQ(Parse({"--help"}).exit_code, 0);
  EXPECT_EQ(Parse({"--version"}).exit_code, 0);
}

TEST(FlagsTest, BadFlagsExitWithTwo) {
  for (const std::vector<const char*>& flags :
       std::vector<std::vector<const char*>>{{"--nonsense"},
                                             {"stray"},
                                             {"--memory-budget", "0"},
                                             {"--memory-budget", "-1"},
                                             {"--memory-budget", "lots"},
                                             {"--max-queued-jobs", "0"},
                                             {"--model", "nofolder"},
                                             {"--model", "=x"},
                                             {"--model", "a=/", "--model", "a=/"},
                                             {"--model", "a=/nonexistent/folder"},
                                             {"--model", "../a=/"},
                                             {"--model-repository", "/nonexistent/folder"},
                                             {"--hugging-face-cache", "maybe"},
                                             {"--log-level", "loud"},
                                             {"--drain-timeout", "-1"}}) {
    EXPECT_EQ(Parse(flags).exit_code, 2) << flags.front() << " " << flags.back();
  }
}

TEST(FlagsTest, KnowsWhatOthersCanReach) {
  EXPECT_TRUE(IsLoopback("localhost:1"));
  EXPECT_TRUE(IsLoopback("[::1]:1"));
  EXPECT_FALSE(IsLoopback("0.0.0.0:1"));
  EXPECT_FALSE(IsLoopback("[::]:1"));
  EXPECT_FALSE(IsLoopback("192.168.1.2:1"));
}

}  // namespace
}  // namespace circuitd
