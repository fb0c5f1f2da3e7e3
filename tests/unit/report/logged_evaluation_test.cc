// evaluation.json as servers and as adversaries write it.
#include "server/report/logged_evaluation.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/report/reported.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

std::string Good() {
  return EvaluationText(
      R"([{"label":"numerals","node_count":3,"edge_count":5},{"label":"nodes","node_count":4,"edge_count":null}])",
      R"([{"circuit":1,"task":0,"circuit_metric":6.5,"model_metric":null},)"
      R"({"circuit":0,"task":0,"circuit_metric":6.5,"model_metric":7.5,"empty_metric":0.5,"score":86.7,)"
      R"("faithfulness":0.857,"random":{"mean":1.25,"standard_deviation":0.75,"low":0.25,"high":2.5,"as_good":0.0},)"
      R"("drops":[{"node":"A0.1","drop":3.0,"drop_percent":40.0},{"edge":"M1->logits","drop":0.75,)"
      R"("drop_percent":null}],"completeness":{"incompleteness":1.5,"subsets":[{"size":2}]},)"
      R"("curve":{"cpr":0.9375,"cmd":0.0625,"points":[{"fraction":0.001,"edge_count":0,"metric":0.5,)"
      R"("faithfulness":0.0}]}}])");
}

std::string Error(const std::string& text) {
  const absl::Status status = ParseEvaluation(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 300);
  return std::string(status.message());
}

std::string With(const std::string& what, const std::string& by) {
  EXPECT_THAT(Good(), HasSubstr(what));
  return absl::StrReplaceAll(Good(), {{what, by}});
}

TEST(ParseEvaluationTest, ReadsWhatThereIs) {
  const auto evaluation = ParseEvaluation(Good());
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->model_name, "tiny");
  EXPECT_EQ(evaluation->config.n_heads, 2);
  EXPECT_EQ(evaluation->metric, "logit_diff");
  EXPECT_EQ(evaluation->random_circuits, 20);
  EXPECT_THAT(evaluation->parameters_json, HasSubstr("18446744073709551615"));
  ASSERT_EQ(evaluation->circuits.size(), 2u);
  EXPECT_EQ(evaluation->circuits[0].edge_count, 5);
  EXPECT_FALSE(evaluation->circuits[1].edge_count.has_value());
  EXPECT_EQ(evaluation->tasks[0].prompts_json, R"({"task":{"task":"months"}})");
  ASSERT_EQ(evaluation->cells.size(), 2u);
  const LoggedEvaluation::Cell& cell = evaluation->cells[0];
  EXPECT_EQ(cell.circuit, 0u);
  EXPECT_EQ(cell.random->high, 2.5);
  ASSERT_EQ(cell.drops.size(), 2u);
  EXPECT_EQ(std::get<Node>(cell.drops[0].part), Node::Head(0, 1));
  EXPECT_EQ(EdgeName(std::get<Edge>(cell.drops[1].part)), "M1->logits");
  EXPECT_TRUE(std::isnan(cell.drops[1].drop_percent));
  EXPECT_EQ(cell.incompleteness, 1.5);
  EXPECT_EQ(cell.cpr, 0.9375);
  EXPECT_EQ(cell.curve[0].fraction, 0.001);
  EXPECT_TRUE(std::isnan(evaluation->cells[1].model_metric));
  EXPECT_FALSE(evaluation->cells[1].random.has_value());
  EXPECT_EQ(evaluation->device, "cpu");
}

TEST(ParseEvaluationTest, NamesWhatItRefuses) {
  EXPECT_THAT(Error("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(Error(With("evaluation/1", "evaluation/2")), HasSubstr("schema: \"circuitd.evaluation/2\""));
  EXPECT_THAT(Error(With("\"n_layers\":2", "\"n_layers\":1000000")), HasSubstr("model.dims"));
  EXPECT_THAT(Error(With("\"n_layers\":2,", "")), HasSubstr("model.dims.n_layers"));
  EXPECT_THAT(Error(With("\"metric\":\"logit_diff\"", "\"metric\":1")), HasSubstr("parameters.metric: 1"));
  EXPECT_THAT(Error(With("\"label\":\"nodes\"", "\"label\":{}")), HasSubstr("circuits[1].label: an object"));
  EXPECT_THAT(Error(With("\"circuit\":1", "\"circuit\":2")), HasSubstr("cells[0].circuit: 2"));
  EXPECT_THAT(Error(With("\"circuit\":1", "\"circuit\":0")), HasSubstr("cells[1].task: 0, is there twice"));
  EXPECT_THAT(Error(With("A0.1", "A0.2")), HasSubstr("drops[0].node: \"A0.2\", must be one of the model's heads"));
  EXPECT_THAT(Error(With("M1->logits", "M1-logits")), HasSubstr("drops[1].edge"));
  EXPECT_THAT(Error(With("M1->logits", "M1->M0")), HasSubstr("drops[1].edge"));
  EXPECT_THAT(Error(With("\"random\":{", "\"random\":[{")), HasSubstr("is not JSON"));
  EXPECT_THAT(Error(With("\"high\":2.5", "\"high\":\"2.5\"")), HasSubstr("cells[1].random.high"));
  EXPECT_THAT(Error(With("\"points\":[{", "\"points\":[7,{")), HasSubstr("cells[1].curve.points[0]"));
  EXPECT_THAT(Error(With("\"fraction\":0.001", "\"fraction\":1e400")), HasSubstr("out of range"));
  EXPECT_THAT(Error(With("\"task\":0,\"circuit_metric\":6.5,\"model_metric\":null",
                         "\"task\":0,\"task\":0,\"circuit_metric\":6.5,\"model_metric\":null")),
              HasSubstr("\"task\" twice"));
}

TEST(ParseEvaluationTest, RefusesAnEvaluationOfNothing) {
  EXPECT_EQ(Error(EvaluationText("[]", "[]")), "circuits: an array, must have at least one entry");
  const std::string circuits = R"([{"label":"a","node_count":1}])";
  const std::string text = EvaluationText(circuits, "[]");
  EXPECT_TRUE(ParseEvaluation(text).ok());
  const size_t begin = text.find("\"tasks\":[") + 9, end = text.find("\"cells\"") - 1;
  EXPECT_EQ(Error(std::string(text).replace(begin - 1, end - begin + 1, "[]")),
            "tasks: an array, must have at least one entry");
}

TEST(ParseEvaluationTest, KeepsTheOrderOfKeysThatAreShown) {
  const auto evaluation = ParseEvaluation(absl::StrReplaceAll(
      EvaluationText(R"([{"label":"a","node_count":1}])", "[]"),
      {{R"({"ablation":"mean",)", R"({"z":{"b":1,"a":[{"d":2,"c":"\u0041"}]},"ablation":"mean",)"},
       {R"({"task":{"task":"months"}})", R"({"task":{"task":"months","seed":"7"},"count":3,"b":null})"}}));
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->parameters_json,
            R"({"z":{"b":1,"a":[{"d":2,"c":"A"}]},"ablation":"mean","metric":"logit_diff","random_circuits":20,)"
            R"("seed":18446744073709551615})");
  EXPECT_EQ(evaluation->tasks[0].prompts_json, R"({"task":{"task":"months","seed":"7"},"count":3,"b":null})");
}

TEST(ParseEvaluationTest, BoundsKeysThatAreShown) {
  std::string keys = R"("seed":{"key":0)";
  for (int i = 0; i < 256; ++i) absl::StrAppend(&keys, ",\"", i, "\":0");
  EXPECT_THAT(Error(With("\"seed\":18446744073709551615", keys + "}")),
              HasSubstr("parameters: has an object of 257 keys"));
}

TEST(ParseEvaluationTest, BoundsWhatAFileMayAskFor) {
  std::string circuits;
  for (int i = 0; i < 17; ++i) absl::StrAppend(&circuits, i ? "," : "", R"({"label":"a","node_count":1})");
  EXPECT_THAT(Error(EvaluationText("[" + circuits + "]", "[]")), HasSubstr("circuits: has 17 entries"));
  EXPECT_THAT(Error(With("\"seed\":18446744073709551615", "\"seed\":" + std::string(99, '[') + std::string(99, ']'))),
              HasSubstr("nests deeper"));
  EXPECT_THAT(Error(With("\"seed\":18446744073709551615", "\"seed\":[" + std::string(5 << 20, ',') + "]")),
              HasSubstr("values"));
  EXPECT_THAT(Error(std::string(kMaxEvaluationBytes + 1, ' ')), HasSubstr("bytes"));
}

}  // namespace
}  // namespace circuitd
