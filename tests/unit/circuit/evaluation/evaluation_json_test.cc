// evaluation.json as docs/evaluation-json.md describes it.
#include "server/circuit/evaluation/evaluation_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/unit/circuit/evaluation/small_circuits.h"

namespace circuitd {
namespace {

EvaluationDocument Document() {
  EvaluationRequest request;
  request.circuits = {{"nodes", NodeCircuit({Node::Head(0, 1), Node::Mlp(1)}), {}}, {"edges", ChainCircuit(), {}}};
  request.tasks = {{"numerals", PromptPairs(3)}};
  request.options.seed = std::numeric_limits<uint64_t>::max();
  EvaluationDocument document;
  DescribeRequest(request, document);
  document.tasks[0].prompts_json = R"({"task": {"task": "numerals"}})";
  document.model_name = "tiny";
  document.model_sha256 = "ab";
  document.config = TwoByTwo();
  CircuitOnTask plain;
  plain.circuit_metric = 3;
  plain.model_metric = 4;
  plain.empty_metric = 1;
  CircuitOnTask full = plain;
  full.circuit = 1;
  full.score = 75;
  full.faithfulness = 2.0 / 3;
  full.random = Interval{1, 2, 0, 2.5};
  full.random_as_good = 0.25;
  full.drops = {{Node::Head(0, 1), 1}, {Edge{Node::Mlp(1), Node::Logits()}, -0.5}};
  full.knockouts = {{2, 1.5, 2.5}};
  full.incompleteness = 1;
  full.curve = {{0.5, 23, 2, 1.0 / 3}, {1, 46, 4, 1}};
  full.cpr = 1.0 / 3;
  full.cmd = 1.0 / 6;
  document.result.cells = {plain, full};
  document.result.run_count = 40;
  document.server_version = "0.1.0";
  document.device = "cpu";
  document.dtype = "float32";
  document.created = "2024-05-06T07:08:09Z";
  return document;
}

TEST(EvaluationJsonTest, HasAllOfAnEvaluation) {
  const nlohmann::json expected = nlohmann::json::parse(R"({
    "schema": "circuitd.evaluation/1",
    "model": {"name": "tiny", "sha256": "ab", "dims": {"n_layers": 2, "n_heads": 2, "d_model": 0, "d_head": 0,
              "d_mlp": 0, "n_ctx": 0, "d_vocab": 0}},
    "parameters": {"ablation": "mean", "means": "seqcont", "metric": "logit_diff", "run": "ablate_outside",
                   "random_circuits": 20, "seed": 18446744073709551615, "drop_one": false, "knockout_subsets": 0,
                   "curve": false, "curve_selection": null, "memory_budget_bytes": 2147483648},
    "circuits": [{"label": "nodes", "node_count": 2, "edge_count": null},
                 {"label": "edges", "node_count": 2, "edge_count": 3}],
    "tasks": [{"label": "numerals", "prompt_count": 3, "prompts": {"task": {"task": "numerals"}}}],
    "cells": [
      {"circuit": 0, "task": 0, "circuit_metric": 3.0, "model_metric": 4.0, "empty_metric": 1.0, "score": null,
       "faithfulness": null, "random": null, "drops": [], "completeness": null, "curve": null},
      {"circuit": 1, "task": 0, "circuit_metric": 3.0, "model_metric": 4.0, "empty_metric": 1.0, "score": 75.0,
       "faithfulness": 0.6666666666666666,
       "random": {"mean": 1.0, "standard_deviation": 2.0, "low": 0.0, "high": 2.5, "as_good": 0.25},
       "drops": [{"node": "A0.1", "drop": 1.0, "drop_percent": 25.0},
                 {"edge": "M1->logits", "drop": -0.5, "drop_percent": -12.5}],
       "completeness": {"incompleteness": 1.0, "subsets": [{"size": 2, "circuit_metric": 1.5, "model_metric": 2.5}]},
       "curve": {"cpr": 0.3333333333333333, "cmd": 0.16666666666666666, "points": [
         {"fraction": 0.5, "edge_count": 23, "metric": 2.0, "faithfulness": 0.3333333333333333},
         {"fraction": 1.0, "edge_count": 46, "metric": 4.0, "faithfulness": 1.0}]}}],
    "run_count": 40,
    "provenance": {"server_version": "0.1.0", "device": "cpu", "dtype": "float32", "created": "2024-05-06T07:08:09Z"}
  })");
  EXPECT_EQ(nlohmann::json::parse(EvaluationJson(Document())), expected);
}

TEST(EvaluationJsonTest, WritesNumbersThatAreNotFiniteAsNull) {
  EvaluationDocument document = Document();
  document.result.cells[1].model_metric = 0;
  document.result.cells[1].curve[0].faithfulness = std::numeric_limits<double>::quiet_NaN();
  document.result.cells[1].cpr = std::numeric_limits<double>::quiet_NaN();
  const nlohmann::json cell = nlohmann::json::parse(EvaluationJson(document))["cells"][1];
  EXPECT_TRUE(cell["drops"][0]["drop_percent"].is_null());
  EXPECT_TRUE(cell["curve"]["points"][0]["faithfulness"].is_null());
  EXPECT_TRUE(cell["curve"]["cpr"].is_null());
}

TEST(EvaluationJsonTest, NamesAblationsMetricsAndRules) {
  EvaluationDocument document = Document();
  EvaluationOptions& options = document.options;
  const auto parameters = [&] { return nlohmann::json::parse(EvaluationJson(document))["parameters"]; };
  options.ablation = EdgeAblation::kZero;
  EXPECT_EQ(parameters()["ablation"], "zero");
  EXPECT_TRUE(parameters()["means"].is_null());
  options.ablation = EdgeAblation::kResample;
  options.run = CircuitRun::kPatchIntoCorrupted;
  EXPECT_EQ(parameters()["ablation"], "resample");
  EXPECT_EQ(parameters()["run"], "patch_into_corrupted");
  const std::vector<std::pair<Metric, const char*>> names = {{Metric::kLogitDiff, "logit_diff"},
                                                             {Metric::kProbDiff, "prob_diff"},
                                                             {Metric::kKlDiv, "kl_div"},
                                                             {Metric::kNll, "nll"},
                                                             {Metric::kRank, "rank"},
                                                             {Metric::kAccuracy, "accuracy"}};
  for (const auto& [metric, name] : names) {
    options.metric = metric;
    EXPECT_EQ(parameters()["metric"], name);
  }
  options.curve = true;
  EXPECT_EQ(parameters()["curve_selection"], (nlohmann::json{{"rule", "top_k"}, {"signed_scores", false}}));
  options.curve_selection.rule = EdgeSelection::Rule::kGreedy;
  options.curve_selection.absolute = false;
  EXPECT_EQ(parameters()["curve_selection"], (nlohmann::json{{"rule", "greedy"}, {"signed_scores", true}}));
}

TEST(EvaluationJsonTest, SurvivesTextsThatAreNone) {
  EvaluationDocument document = Document();
  document.circuits[0].label = "\xff";
  document.tasks[0].prompts_json = "{";
  const nlohmann::json json = nlohmann::json::parse(EvaluationJson(document));
  EXPECT_EQ(json["circuits"][0]["label"], "\xEF\xBF\xBD");
  EXPECT_TRUE(json["tasks"][0]["prompts"].is_null());
}

}  // namespace
}  // namespace circuitd
