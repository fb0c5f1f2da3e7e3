#include "server/circuit/node_pruning_json.h"

#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace circuitd {
namespace {

using Json = nlohmann::ordered_json;

std::vector<PruningDecision> Decisions() {
  return {{0, Node::Mlp(1), 34.5, false, 0, SweepDirection::kBackward, 4, 2, 5},
          {1, Node::Head(1, 1), 99.25, true, 0, SweepDirection::kForward, 3, 2, 4}};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(DecisionsJsonlTest, WritesOneDecisionALine) {
  const std::vector<std::string> lines = Lines(DecisionsJsonl(Decisions()));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[0]),
            Json::parse(R"({"index": 0, "name": "M1", "kind": "mlp", "layer": 1, "score": 34.5, "removed": false,
                            "iteration": 0, "direction": "backward", "heads_kept": 4, "mlps_kept": 2})"));
  EXPECT_EQ(Json::parse(lines[1]),
            Json::parse(R"({"index": 1, "name": "A1.1", "kind": "attention_head", "layer": 1, "head": 1,
                            "score": 99.25, "removed": true, "iteration": 0, "direction": "forward",
                            "heads_kept": 3, "mlps_kept": 2})"));
}

TEST(DecisionsJsonlTest, IsEmptyWithoutDecisions) { EXPECT_EQ(DecisionsJsonl({}), ""); }

TEST(PruningParametersJsonTest, SaysHowThePruningRan) {
  NodePruningOptions options;
  options.threshold = 0.1;
  options.max_iterations = 3;
  options.memory_budget_bytes = 1 << 20;
  EXPECT_EQ(PruningParametersJson(options, 96),
            R"({"method":"node_pruning","means":"seqcont","threshold":0.1,"max_iterations":3,"prompt_count":96,)"
            R"("memory_budget_bytes":1048576})");
  options.means = MlpMeans::kClean;
  options.max_iterations.reset();
  const Json parameters = Json::parse(PruningParametersJson(options, 96));
  EXPECT_EQ(parameters["means"], "clean");
  EXPECT_TRUE(parameters["max_iterations"].is_null());
}

TEST(PruningResultsJsonTest, KeepsDoublesExactlyAndWritesNullForThoseThatAreNotFinite) {
  NodePruningResult result = {{}, 80.33644104003906, 7.5, 2, true};
  EXPECT_EQ(PruningResultsJson(result),
            R"({"score":80.33644104003906,"full_logit_diff":7.5,"decision_count":2,"converged":true})");
  result.score = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(Json::parse(PruningResultsJson(result))["score"].is_null());
}

}  // namespace
}  // namespace circuitd
