#include "tests/golden/pruning_golden.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/golden/golden_files.h"

namespace circuitd {
namespace {

Node ParseName(const std::string& name) {
  int layer = -1, head = -1;
  if (std::sscanf(name.c_str(), "A%d.%d", &layer, &head) == 2) return Node::Head(layer, head);
  EXPECT_EQ(std::sscanf(name.c_str(), "M%d", &layer), 1) << name;
  return Node::Mlp(layer);
}

// A layer for an MLP, [layer, head] for a head.
Node ParseShared(const nlohmann::json& node) {
  return node.is_array() ? Node::Head(node[0], node[1]) : Node::Mlp(node.get<int>());
}

NodePruningOptions ParseOptions(const nlohmann::json& json, const char* iterations) {
  NodePruningOptions options;
  options.means = json["means"] == "clean" ? MlpMeans::kClean : MlpMeans::kSeqcont;
  options.threshold = json["threshold"];
  if (!json[iterations].is_null()) options.max_iterations = json[iterations].get<int>();
  return options;
}

std::string Describe(const NodeSet& nodes) {
  std::string names;
  for (const Node& node : nodes) absl::StrAppend(&names, names.empty() ? "" : " ", NodeName(node));
  return names;
}

}  // namespace

absl::StatusOr<PruningGolden> ReadRepositoryPruning(const std::string& path) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ReadJson(path));
  PruningGolden golden;
  golden.task = json["task"];
  golden.options = ParseOptions(json, "max_iterations");
  golden.full_logit_diff = json["full_logit_diff"];
  for (const nlohmann::json& name : json["circuit"]) golden.circuit.insert(ParseName(name));
  golden.score = json["score"];
  golden.converged = json["converged"].get<bool>();
  for (const nlohmann::json& decision : json["decisions"]) {
    golden.decisions.push_back({ParseName(decision[0]), decision[1], decision[2]});
  }
  return golden;
}

absl::StatusOr<SharedPruning> ReadSharedPruning(const std::string& path) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ReadJson(path));
  SharedPruning result;
  result.num_samples = json["num_samples_per_variant"];
  PruningGolden& golden = result.golden;
  golden.task = json["task"];
  golden.options = ParseOptions(json, "iterations");
  golden.full_logit_diff = json["full_logit_diff"];
  for (const nlohmann::json& head : json["heads"]) golden.circuit.insert(ParseShared(head));
  for (const nlohmann::json& mlp : json["mlps"]) golden.circuit.insert(ParseShared(mlp));
  golden.score = json["circuit_score"];
  if (json["iterations"].is_null()) golden.converged = true;
  for (const nlohmann::json& decision : json["decisions"]) {
    golden.decisions.push_back({ParseShared(decision["node"]), decision["score"], decision["removed"]});
  }
  return result;
}

namespace {

void ExpectSamePruning(const Model& model, const PromptPairs& pairs, const PruningGolden& golden,
                       const NodePruningOptions& options) {
  std::vector<PruningDecision> decisions;
  NodePruningCallbacks callbacks;
  callbacks.on_decision = [&](const PruningDecision& decision) { decisions.push_back(decision); };
  const auto result = PruneNodes(model, pairs, options, callbacks);
  ASSERT_TRUE(result.ok()) << result.status();

  EXPECT_NEAR(result->full_logit_diff, golden.full_logit_diff, 1e-4);
  ASSERT_FALSE(golden.decisions.empty());
  for (size_t i = 0; i < golden.decisions.size(); ++i) {
    const GoldenDecision& expected = golden.decisions[i];
    ASSERT_LT(i, decisions.size());
    const PruningDecision& actual = decisions[i];
    // What follows a wrong decision is another run.
    ASSERT_EQ(NodeName(actual.node), NodeName(expected.node)) << "decision " << i;
    ASSERT_EQ(actual.removed, expected.removed) << "decision " << i << ", " << NodeName(actual.node);
    EXPECT_NEAR(actual.score, expected.score, kScoreTolerance) << "decision " << i << ", " << NodeName(actual.node);
    EXPECT_EQ(actual.index, static_cast<int64_t>(i));
  }
  EXPECT_EQ(decisions.size(), golden.decisions.size());
  EXPECT_EQ(result->decision_count, static_cast<int64_t>(golden.decisions.size()));
  EXPECT_EQ(Describe(result->circuit), Describe(golden.circuit));
  EXPECT_NEAR(result->score, golden.score, kScoreTolerance);
  if (golden.converged.has_value()) {
    EXPECT_EQ(result->converged, *golden.converged);
  }
}

}  // namespace

void ExpectSamePruning(const Model& model, const PromptPairs& pairs, const PruningGolden& golden) {
  for (const PruningEngine engine : {PruningEngine::kFast, PruningEngine::kPlain}) {
    SCOPED_TRACE(engine == PruningEngine::kFast ? "fast engine" : "plain engine");
    NodePruningOptions options = golden.options;
    options.engine = engine;
    ExpectSamePruning(model, pairs, golden, options);
  }
}

}  // namespace circuitd
