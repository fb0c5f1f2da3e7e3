// `circuit export`, `import` and `diff`: circuits' files, with and without a server.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/sha256.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kNobody[] = "127.0.0.1:1";

// A node circuit of a model of two layers of two heads.
std::string NodeCircuit(const std::string& nodes, const std::string& sha256 = "aa") {
  return absl::StrReplaceAll(
      R"({"schema": "circuitd.circuit/1", "model": {"name": "tiny", "sha256": "SHA", "dims": {"n_layers": 2, "n_heads": 2}},
          "nodes": [NODES]})",
      {{"SHA", sha256}, {"NODES", nodes}});
}

constexpr char kHead00[] = R"({"name": "A0.0", "kind": "attention_head", "layer": 0, "head": 0})";
constexpr char kHead10[] = R"({"name": "A1.0", "kind": "attention_head", "layer": 1, "head": 0})";
constexpr char kMlp1[] = R"({"name": "M1", "kind": "mlp", "layer": 1})";

class CircuitFilesTest : public testing::Test {
 protected:
  CommandRun Run(const std::vector<std::string>& words) const { return RunCommandAt(kNobody, words); }

  TempFolder folder_;
  const std::string a_ = folder_.Write("a.json", NodeCircuit(absl::StrCat(kHead00, ",", kHead10, ",", kMlp1)));
  const std::string b_ = folder_.Write("b.json", NodeCircuit(absl::StrCat(kHead10, ",", kMlp1)));
};

TEST_F(CircuitFilesTest, ExportsEveryFormatWithoutAServer) {
  const std::pair<const char*, const char*> parts[] = {{"dot", "digraph"},       {"svg", "<svg"},
                                                       {"graphml", "<graphml"},  {"eap", "\"cfg\""},
                                                       {"seqcont", "\"heads\""}, {"circuit", "circuitd.circuit/1"}};
  for (const auto& [format, part] : parts) {
    const CommandRun run = Run({"export", a_, "--format", format});
    ASSERT_TRUE(run.ok()) << format << run.status();
    EXPECT_THAT(run.out, HasSubstr(part)) << format;
  }
  const CommandRun picture = Run({"export", a_, "--format", "svg", "--merge-inputs", "-o", folder_.File("a.svg")});
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture.out, "");
  EXPECT_THAT(folder_.Read("a.svg"), HasSubstr("<svg"));
}

TEST_F(CircuitFilesTest, TakesNamesOfFormatsAloneAndListsThem) {
  for (const std::string format : {"foo", "0", "DOT", ""}) {
    const CommandRun run = Run({"export", a_, "--format", format});
    EXPECT_EQ(run.status().message(), "--format: '" + format + "' is none of circuit, dot, eap, graphml, seqcont, svg");
  }
}

TEST_F(CircuitFilesTest, ImportsWhatItHasExported) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"eap"}, {"seqcont", "--layers", "2", "--heads", "2"}}) {
    const std::string file = folder_.File(more[0] + ".json");
    ASSERT_TRUE(Run({"export", b_, "--format", more[0], "-o", file}).ok());
    std::vector<std::string> import = {"import", file, "-o", folder_.File("again.json")};
    import.insert(import.end(), more.begin() + 1, more.end());
    const CommandRun run = Run(import);
    ASSERT_TRUE(run.ok()) << run.status();
    const json again = json::parse(folder_.Read("again.json"));
    ASSERT_EQ(again["nodes"].size(), 2u) << again;
    EXPECT_EQ(again["nodes"][0]["name"], "A1.0");
    EXPECT_EQ(again["nodes"][1]["name"], "M1");
    EXPECT_EQ(again["model"]["dims"]["n_layers"], 2);
  }
}

TEST_F(CircuitFilesTest, AsksTheServerForAModelsDimensions) {
  ScriptedServer server;
  server.models.model.set_name("tiny");
  server.models.model.set_sha256("aa");
  server.models.model.mutable_config()->set_n_layers(2);
  server.models.model.mutable_config()->set_n_heads(2);
  server.models.model.mutable_config()->set_d_model(8);
  const std::string file = folder_.Write("published.json", R"({"heads": [[1, 0]], "mlps": [1]})");
  EXPECT_THAT(Run({"import", file}).status().message(), HasSubstr("doesn't say how many layers"));
  const CommandRun run = RunCommand(server, {"import", file, "-m", "tiny"});
  ASSERT_TRUE(run.ok()) << run.status();
  const json circuit = json::parse(run.out);
  EXPECT_EQ(circuit["model"]["name"], "tiny");
  EXPECT_EQ(circuit["model"]["sha256"], "aa");
  EXPECT_EQ(circuit["model"]["dims"]["d_model"], 8);
  server.models.model.mutable_config()->set_n_heads(3);
  EXPECT_THAT(RunCommand(server, {"import", a_, "-m", "tiny"}).status().message(), HasSubstr("different models"));
}

TEST_F(CircuitFilesTest, RefusesHostileFilesByNameAsWrongUsage) {
  const std::pair<std::string, std::string> files[] = {
      {"", ""},
      {"[]", ""},
      {"{\"heads\": [[9, 0]], \"mlps\": []}", "9"},
      {NodeCircuit(absl::StrCat(kHead00, ",", kHead00)), "nodes[1]"},
      {absl::StrReplaceAll(NodeCircuit(""), {{"\"n_layers\": 2", "\"n_layers\": 1e9"}}), "n_layers"}};
  for (const auto& [text, part] : files) {
    const std::string file = folder_.Write("hostile.json", text);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"import", file, "--layers", "2", "--heads", "2"}, {"diff", a_, file}}) {
      const CommandRun run = Run(words);
      EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument) << text;
      EXPECT_THAT(run.status().message(), HasSubstr(file)) << text;
      EXPECT_THAT(run.status().message(), HasSubstr(part)) << text;
      EXPECT_EQ(ExitCode(run.status()), kExitUsage);
    }
  }
}

TEST_F(CircuitFilesTest, ReadsNoMoreThanACircuitMayHave) {
  const CommandRun run = Run({"import", "/dev/zero"});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(run.status().message(), HasSubstr("more than"));
}

TEST_F(CircuitFilesTest, SaysWhatCircuitsShare) {
  const std::string out = folder_.File("out");
  const CommandRun run = Run({"diff", a_, b_, "-o", out});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, testing::ContainsRegex("a +b +3 +2 +2 +0.667 +66.7% +100.0%"));
  EXPECT_THAT(run.out, HasSubstr("Shared by all: 1 head, 1 MLP\n  layer  1  A1.0 M1\n"));
  const json shared = json::parse(folder_.Read("out/circuit.json"));
  EXPECT_EQ(shared["nodes"].size(), 2u);
  EXPECT_EQ(shared["model"]["sha256"], "aa");
  EXPECT_EQ(shared["parameters"]["circuits"], json({"a", "b"}));
  EXPECT_THAT(folder_.Read("out/comparison.svg"), HasSubstr("<svg"));
  EXPECT_THAT(folder_.Read("out/report.html"), HasSubstr("<title>2 circuits in tiny</title>"));
  EXPECT_EQ(json::parse(folder_.Read("out/comparison.json"))["schema"], "circuitd.comparison/1");
  // What is written is a circuit that the commands take again.
  EXPECT_TRUE(Run({"diff", a_, folder_.File("out/circuit.json")}).ok());
  EXPECT_EQ(Run({"diff", a_, b_, "-o", out}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Run({"diff", a_, b_, "-o", out, "--force"}).ok());
}

TEST_F(CircuitFilesTest, TakesTheDimensionsOfOneFileForThoseThatHaveNone) {
  const std::string file = folder_.Write("published.json", R"({"heads": [[1, 0]], "mlps": []})");
  const CommandRun run = Run({"diff", file, a_, "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(json::parse(run.out)["schema"], "circuitd.comparison/1");
  EXPECT_EQ(Run({"diff", file, file}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CircuitFilesTest, RefusesCircuitsOfDifferentModelsAndNamesBoth) {
  const std::string other = folder_.Write("other.json", NodeCircuit(kMlp1, "bb"));
  const std::string wide =
      folder_.Write("wide.json", absl::StrReplaceAll(NodeCircuit(kMlp1), {{"\"n_heads\": 2", "\"n_heads\": 4"}}));
  for (const std::string& file : {other, wide}) {
    const CommandRun run = Run({"diff", a_, file});
    EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
    for (const std::string& part : {a_, file}) EXPECT_THAT(run.status().message(), HasSubstr(part));
  }
  EXPECT_THAT(Run({"diff", a_, other}).status().message(), HasSubstr("sha256 bb"));
  EXPECT_THAT(Run({"diff", a_, wide}).status().message(), HasSubstr("2 layers of 4 heads"));
  EXPECT_EQ(Run({"diff", a_}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CircuitFilesTest, RefusesOptionsOfAnEvaluationWithoutPrompts) {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--knockouts", "3", "--curve"},
                                               {"--drop-one"},
                                               {"--top", "3"},
                                               {"--seed", "3"},
                                               {"--metric", "rank"}}) {
    std::vector<std::string> words = {"diff", a_, b_};
    words.insert(words.end(), more.begin(), more.end());
    const CommandRun run = Run(words);
    EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument) << more[0];
    EXPECT_THAT(run.status().message(), HasSubstr(more[0] + ": only with prompts"));
  }
}

// With a server that has evaluated already.
class DiffWithEvaluationTest : public CircuitFilesTest {
 protected:
  DiffWithEvaluationTest() {
    server_.models.model.mutable_config()->set_n_layers(2);
    server_.models.model.mutable_config()->set_n_heads(2);
    job_.set_name("jobs/7");
    job_.set_state(v1::JOB_STATE_SUCCEEDED);
    v1::EvaluationResult& result = *job_.mutable_evaluation();
    for (const char* label : {"a", "b"}) result.add_circuit_labels(label);
    for (const char* label : {"numerals", "months"}) result.add_task_labels(label);
    result.set_metric(v1::METRIC_LOGIT_DIFF);
    for (uint32_t i = 0; i < 4; ++i) {
      v1::CircuitOnTask& cell = *result.add_cells();
      cell.set_circuit(i / 2);
      cell.set_task(i % 2);
      cell.set_score(10 * (i + 1));
    }
    Leave("evaluation.json", evaluation_json_);
    server_.jobs.submit = [this](const v1::SubmitJobRequest& request, v1::SubmitJobResponse* response) {
      submitted_ = request;
      *response->mutable_job() = job_;
      return grpc::Status::OK;
    };
  }

  // One more file of the job.
  void Leave(const std::string& name, const std::string& bytes) {
    v1::Artifact& artifact = *job_.add_artifacts();
    artifact.set_name(name);
    artifact.set_size_bytes(bytes.size());
    artifact.set_sha256(Sha256Hex(bytes));
    std::vector<v1::DownloadArtifactResponse> messages(2);
    *messages[0].mutable_artifact() = artifact;
    messages[1].set_data(bytes);
    server_.jobs.download.Add({messages, {}});
  }

  CommandRun Evaluate(std::vector<std::string> words) {
    v1::WatchJobResponse ended;
    *ended.mutable_job() = job_;
    server_.jobs.watch.Add({{ended}, {}});
    words.insert(words.begin(), "diff");
    words.insert(words.end(), {"-m", "m", "-t", "numerals"});
    return RunCommand(server_, words);
  }

  // Some of what the server's file has.
  const std::string evaluation_json_ =
      R"({"schema": "circuitd.evaluation/1", "model": {"dims": {"n_layers": 2, "n_heads": 2}},
          "parameters": {"metric": "logit_diff"}, "circuits": [{"label": "judged", "node_count": 3}],
          "tasks": [{"label": "numerals", "prompt_count": 4}],
          "cells": [{"circuit": 0, "task": 0, "circuit_metric": 0.1}]})";
  ScriptedServer server_;
  v1::Job job_;
  v1::SubmitJobRequest submitted_;
};

TEST_F(DiffWithEvaluationTest, PutsEveryCircuitsScoreOnEveryTaskIntoTheSameReport) {
  const CommandRun run = Evaluate({a_, b_, "-t", "months", "--random", "0", "-o", folder_.File("out")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("Shared by all: 1 head, 1 MLP"));
  EXPECT_THAT(run.out, testing::ContainsRegex("CIRCUIT +numerals +months\na +10.00 +20.00\nb +30.00 +40.00\n"));
  EXPECT_THAT(run.out, HasSubstr("circuit.json comparison.svg comparison.json report.html evaluation.json\n"));
  EXPECT_EQ(folder_.Read("out/evaluation.json"), evaluation_json_);
  EXPECT_THAT(folder_.Read("out/report.html"), HasSubstr(R"("circuits":["judged"])"));
  EXPECT_THAT(folder_.Read("out/report.html"), HasSubstr(R"("shown":[0])"));
  const v1::EvaluationSpec& spec = submitted_.spec().evaluation();
  EXPECT_EQ(spec.model(), "m");
  ASSERT_EQ(spec.circuits_size(), 2);
  EXPECT_EQ(spec.circuits(0).dataset_sha256(), Sha256Hex(folder_.Read("a.json")));
  EXPECT_EQ(spec.circuits(1).dataset_sha256(), Sha256Hex(folder_.Read("b.json")));
  EXPECT_EQ(server_.datasets.header.format(), v1::DATASET_FORMAT_CIRCUIT);
  EXPECT_EQ(spec.tasks_size(), 2);
}

TEST_F(DiffWithEvaluationTest, PrintsOneJsonDocument) {
  const CommandRun run = Evaluate({a_, b_, "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  const json document = json::parse(run.out);
  EXPECT_EQ(document["schema"], "circuitd.comparison/1");
  EXPECT_EQ(document["evaluation"], json::parse(evaluation_json_));
}

TEST_F(DiffWithEvaluationTest, WritesTheDocumentThatItPrints) {
  const CommandRun run = Evaluate({a_, b_, "--json", "-o", folder_.File("out")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(folder_.Read("out/comparison.json"), run.out);
  EXPECT_EQ(json::parse(run.out)["evaluation"], json::parse(evaluation_json_));
}

TEST_F(DiffWithEvaluationTest, ShowsWhatIsBesideTheCircuitsWhereTheServersPageCannot) {
  Leave("report.html", "the server's");
  std::filesystem::create_directories(folder_.File("found"));
  folder_.Write("found/circuit.json",
                absl::StrReplaceAll(folder_.Read("a.json"), {{"\"nodes\"", "\"decision_count\": 1, \"nodes\""}}));
  folder_.Write("found/decisions.jsonl",
                R"({"index":0,"name":"M1","score":34.5,"removed":false,"iteration":0,"direction":"backward",)"
                R"("heads_kept":4,"mlps_kept":2})");
  // What an earlier job left where this one writes.
  std::filesystem::create_directories(folder_.File("out"));
  folder_.Write("out/circuit-0.json", "another circuit");
  const CommandRun run = Evaluate({folder_.File("found"), b_, "-o", folder_.File("out"), "--force"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("circuit.json comparison.svg comparison.json report.html evaluation.json\n"));
  const std::string page = folder_.Read("out/report.html");
  EXPECT_THAT(page, HasSubstr(R"("decisions":{"kind":"nodes","count":1,)"));
  EXPECT_THAT(page, HasSubstr(R"("shown":[0])"));
}

TEST_F(DiffWithEvaluationTest, AsksForTheModelBeforeItComputes) {
  EXPECT_EQ(RunCommand(server_, {"diff", a_, b_, "-t", "numerals"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(submitted_.has_spec());
}

}  // namespace
}  // namespace circuitd::client
