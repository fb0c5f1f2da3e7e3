// heads.json, written and read back, and as adversaries write it.
#include "server/graph/head_details.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

const ModelConfig kModel = GraphConfig(2, 2);

HeadDetails Details() {
  HeadDetails set;
  set.label = "numerals";
  set.prompt_count = 7;
  set.tokens = {"Van", " </script>", "\n", "\xff\u202e"};
  set.positions_per_cell = 2;
  set.heads = {{0, 1, {1, 0.25f, 0.75f}, {{3, {" 5", "\xe2\x82"}}, {0, {}}}}, {1, 0, {1, 1.f / 3, 2.f / 3}, {}}};
  return set;
}

std::string Error(const std::string& text) {
  const absl::Status status = ParseHeadDetails(text, kModel).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 300);
  return std::string(status.message());
}

// A file of one set that has all but what is replaced as it should be.
std::string With(const std::string& what, const std::string& by) {
  const std::string good =
      R"({"schema":"circuitd.heads/1","sets":[{"label":"a","prompt_count":1,"tokens":["x","y"],"positions_per_cell":1,)"
      R"("heads":[{"name":"A0.1","layer":0,"head":1,"pattern":[[1.0],[0.5,0.5]],)"
      R"("writes":[{"position":1,"token":"y","writes":["z"]}]}]}]})";
  EXPECT_TRUE(ParseHeadDetails(good, kModel).ok());
  EXPECT_THAT(good, HasSubstr(what));
  return absl::StrReplaceAll(good, {{what, by}});
}

TEST(HeadDetailsTest, AreReadAsTheyWereWritten) {
  HeadDetails other = Details();
  other.label = "months";
  const auto read = ParseHeadDetails(HeadDetailsJson({Details(), other}), kModel);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].label, "months");
  const HeadDetails& set = (*read)[0];
  EXPECT_EQ(set.label, "numerals");
  EXPECT_EQ(set.prompt_count, 7);
  EXPECT_EQ(set.positions_per_cell, 2);
  EXPECT_EQ(set.cells(), 2u);
  EXPECT_THAT(set.tokens, ElementsAre("Van", " </script>", "\n", "\\xff\u202e"));
  ASSERT_EQ(set.heads.size(), 2u);
  EXPECT_EQ(set.heads[0].layer, 0);
  EXPECT_EQ(set.heads[0].head, 1);
  EXPECT_THAT(set.heads[0].pattern, ElementsAre(1, 0.25f, 0.75f));
  EXPECT_THAT(set.heads[1].pattern, ElementsAre(1, FloatNear(0.333f, 1e-6f), FloatNear(0.667f, 1e-6f)));
  ASSERT_EQ(set.heads[0].writes.size(), 2u);
  EXPECT_EQ(set.heads[0].writes[0].position, 3);
  EXPECT_THAT(set.heads[0].writes[0].tokens, ElementsAre(" 5", "\\xe2\\x82"));
}

TEST(HeadDetailsTest, AreTheDocumentedJson) {
  const nlohmann::json file = nlohmann::json::parse(HeadDetailsJson({Details()}));
  EXPECT_EQ(file["schema"], "circuitd.heads/1");
  const nlohmann::json& head = file["sets"][0]["heads"][0];
  EXPECT_EQ(head["name"], "A0.1");
  EXPECT_EQ(head["pattern"], nlohmann::json::parse("[[1.0],[0.25,0.75]]"));
  EXPECT_EQ(head["writes"][1], nlohmann::json::parse(R"({"position":0,"token":"Van","writes":[]})"));
}

TEST(HeadDetailsTest, CanBeReadWhateverTheNumbersWere) {
  HeadDetails set = Details();
  set.heads[0].pattern = {1.0000001f, std::numeric_limits<float>::quiet_NaN(), -1e-9f};
  const auto read = ParseHeadDetails(HeadDetailsJson({set}), kModel);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT((*read)[0].heads[0].pattern, ElementsAre(1, 0, 0));
}

TEST(HeadDetailsTest, OfNoSetAndOfNoHeadAreFiles) {
  EXPECT_TRUE(ParseHeadDetails(HeadDetailsJson({}), kModel).ok());
  EXPECT_TRUE(ParseHeadDetails(HeadDetailsJson({HeadDetails()}), kModel).ok());
}

TEST(ParseHeadDetailsTest, NamesWhatItRefuses) {
  EXPECT_THAT(Error("[1"), HasSubstr("is not JSON"));
  EXPECT_THAT(Error("[]"), HasSubstr("must be an object"));
  EXPECT_THAT(Error(With("heads/1", "heads/2")), HasSubstr("schema: \"circuitd.heads/2\", must be circuitd.heads/1"));
  EXPECT_THAT(Error(With("\"label\":\"a\",", "")), HasSubstr("sets[0].label: missing"));
  EXPECT_THAT(Error(With("\"label\":\"a\"", "\"label\":\"a\",\"label\":\"b\"")),
              HasSubstr("has the key \"label\" twice"));
  EXPECT_THAT(Error(With("\"prompt_count\":1", "\"prompt_count\":-1")), HasSubstr("sets[0].prompt_count: -1"));
  EXPECT_THAT(Error(With("\"prompt_count\":1", "\"prompt_count\":18446744073709551615")), HasSubstr("prompt_count"));
  EXPECT_THAT(Error(With("\"layer\":0", "\"layer\":2")), HasSubstr("sets[0].heads[0].layer: 2"));
  EXPECT_THAT(Error(With("\"head\":1", "\"head\":0.5")), HasSubstr("sets[0].heads[0].head: 0.5"));
  EXPECT_THAT(Error(With("A0.1", "A1.1")), HasSubstr("sets[0].heads[0].name: \"A1.1\", must be A0.1"));
  EXPECT_THAT(Error(With("[0.5,0.5]", "[0.5]")), HasSubstr("sets[0].heads[0].pattern[1]: must be an array of 2"));
  EXPECT_THAT(Error(With("[0.5,0.5]", "[0.5,1.5]")), HasSubstr("sets[0].heads[0].pattern[1]: has 1.5"));
  EXPECT_THAT(Error(With("[0.5,0.5]", "[0.5,null]")), HasSubstr("has null"));
  EXPECT_THAT(Error(With("[[1.0],[0.5,0.5]]", "[[1.0]]")), HasSubstr("has 1 rows, must have 2"));
  EXPECT_THAT(Error(With("\"position\":1", "\"position\":2")), HasSubstr("sets[0].heads[0].writes[0].position: 2"));
  EXPECT_THAT(Error(With("[\"z\"]", "[7]")), HasSubstr("sets[0].heads[0].writes[0].writes[0]: 7, must be a string"));
  EXPECT_THAT(Error(With("\"positions_per_cell\":1", "\"positions_per_cell\":0")), HasSubstr("positions_per_cell: 0"));
}

TEST(ParseHeadDetailsTest, RefusesAHeadThatIsThereTwice) {
  const std::string head = R"({"layer":0,"head":0,"pattern":[]})";
  const std::string set = absl::StrCat(R"({"label":"","prompt_count":1,"tokens":[],"positions_per_cell":1,"heads":[)",
                                       head, ",", head, "]}");
  EXPECT_THAT(Error(absl::StrCat(R"({"schema":"circuitd.heads/1","sets":[)", set, "]}")),
              HasSubstr("sets[0].heads[1]: is of a head that was there before"));
}

TEST(ParseHeadDetailsTest, BoundsWhatAFileMayAskFor) {
  EXPECT_THAT(Error(absl::StrCat(R"({"a":)", std::string(99, '['), std::string(99, ']'), "}")),
              HasSubstr("nests deeper"));
  EXPECT_THAT(Error(absl::StrCat(R"({"a":[)", std::string(9 << 20, ','))), HasSubstr("values"));
  EXPECT_THAT(Error(std::string(kMaxHeadDetailsBytes + 1, ' ')), HasSubstr("bytes"));
  std::string tokens;
  for (int i = 0; i <= kMostPatternCells; ++i) absl::StrAppend(&tokens, i == 0 ? "" : ",", "\"x\"");
  EXPECT_THAT(Error(With(R"("x","y")", tokens)), HasSubstr("must make at most 48"));
}

}  // namespace
}  // namespace circuitd
