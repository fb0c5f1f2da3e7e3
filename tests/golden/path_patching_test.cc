// Path patching against plain hooks on TransformerLens, for every sender of each kind of receiver.
#include "server/patching/path_patching.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

// "A3.2.q", "M2", "logits".
Node ReceiverOf(const std::string& name) {
  Node node;
  char input = 0;
  if (std::sscanf(name.c_str(), "A%d.%d.%c", &node.layer, &node.head, &input) == 3) {
    node.input = input == 'q' ? Node::Input::kQ : input == 'k' ? Node::Input::kK : Node::Input::kV;
  } else if (std::sscanf(name.c_str(), "M%d", &node.layer) == 1) {
    node.kind = Node::Kind::kMlp;
  } else {
    node.kind = Node::Kind::kLogits;
  }
  EXPECT_EQ(NodeName(node), name);
  return node;
}

class PathPatchingGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(PathPatchingGoldenTest, MatchesTransformerLens) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_FALSE(golden->json["path_patching"].empty());
  for (const json& expected : golden->json["path_patching"]) {
    PathPatchingRequest request;
    request.pairs = golden->pairs;
    for (const json& receiver : expected["receivers"]) request.receivers.push_back(ReceiverOf(receiver));
    request.freeze = expected["freeze"] == "heads" ? PathFreeze::kHeads : PathFreeze::kAll;
    request.senders_together = expected["together"];
    const absl::Status valid = ValidatePathPatching(golden->model->config(), request);
    ASSERT_TRUE(valid.ok()) << valid;
    const auto result = RunPathPatching(*golden->model, request, {}, nullptr);
    ASSERT_TRUE(result.ok()) << result.status();

    ASSERT_EQ(result->paths.size(), expected["paths"].size());
    for (size_t i = 0; i < result->paths.size(); ++i) {
      const PathEffect& path = result->paths[i];
      const json& entry = expected["paths"][i];  // [sender, receiver, per prompt]
      ASSERT_EQ(path.sender.has_value(), !entry[0].is_null()) << i;
      if (path.sender.has_value()) {
        ASSERT_EQ(NodeName(*path.sender), entry[0].get<std::string>()) << i;
      }
      ASSERT_EQ(NodeName(path.receiver), entry[1].get<std::string>()) << i;
      ExpectNumbers(absl::StrCat(expected["freeze"].dump(), " ", entry[0].dump(), " -> ", entry[1].dump()),
                    path.per_prompt, Flatten(entry[2]));
      double sum = 0;
      for (const double value : Flatten(entry[2])) sum += value;
      EXPECT_NEAR(path.mean, sum / static_cast<double>(request.pairs.size()), kAnalysisTolerance);
    }
    ExpectNumbers("clean", result->clean, Flatten(golden->json["sweeps"][0]["clean"]));
    ExpectNumbers("corrupted", result->corrupted, Flatten(golden->json["sweeps"][0]["corrupted"]));
  }
}

// Else the one could be taken for the other.
TEST_P(PathPatchingGoldenTest, HasGoldensThatTellTheWaysOfFreezingApart) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  const json& all = golden->json["path_patching"][0];
  const json& heads = golden->json["path_patching"][2];
  ASSERT_EQ(all["freeze"], "all");
  ASSERT_EQ(heads["freeze"], "heads");
  size_t different = 0;
  for (size_t i = 0; i < all["paths"].size(); ++i) {
    ASSERT_EQ(all["paths"][i][0], heads["paths"][i][0]);
    const double direct = all["paths"][i][2][0], through_mlps = heads["paths"][i][2][0];
    different += std::abs(direct - through_mlps) > 10 * kAnalysisTolerance;
  }
  EXPECT_GT(different, 20u);
}

INSTANTIATE_TEST_SUITE_P(Models, PathPatchingGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
