// The commands that find circuits of edges and judge circuits against a scripted server.
#include <filesystem>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "client/cli/exit_code.h"
#include "client/cli/node_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Answers "jobs/7" with what was asked for, and runs in a folder of its own.
class CircuitJobCommandTest : public testing::Test {
 protected:
  CircuitJobCommandTest() {
    std::filesystem::current_path(folder_.path());
    server_.jobs.submit = [this](const v1::SubmitJobRequest& request, v1::SubmitJobResponse* response) {
      requests_.push_back(request);
      job_.set_name("jobs/7");
      *job_.mutable_spec() = request.spec();
      *response->mutable_job() = job_;
      return grpc::Status::OK;
    };
  }
  ~CircuitJobCommandTest() override { std::filesystem::current_path(before_); }

  // The next watch tells of `events`, and that the job has succeeded.
  void Watch(const v1::JobSpec& spec, const std::vector<v1::JobEvent>& events) {
    *job_.mutable_spec() = spec;
    job_.set_name("jobs/7");
    std::vector<v1::WatchJobResponse> messages(1);
    *messages[0].mutable_job() = job_;
    for (const v1::JobEvent& event : events) {
      *messages.emplace_back().mutable_event() = event;
      messages.back().mutable_event()->set_sequence(messages.size() - 1);
    }
    job_.set_state(v1::JOB_STATE_SUCCEEDED);
    *messages.emplace_back().mutable_job() = job_;
    server_.jobs.watch.Add({messages, {}});
  }

  const std::filesystem::path before_ = std::filesystem::current_path();
  TempFolder folder_;
  ScriptedServer server_;
  v1::Job job_;
  std::vector<v1::SubmitJobRequest> requests_;
};

TEST_F(CircuitJobCommandTest, SendsACircuitsFileOnceAndNamesItByItsBytes) {
  folder_.Write("numerals.json", "a circuit, as the server will say");
  for (int i = 0; i < 2; ++i) {
    const CommandRun run =
        RunCommand(server_, {"edges", "-m", "m", "-t", "numerals", "--circuit", "numerals.json", "--detach"});
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(run.out, "jobs/7\n");
  }
  EXPECT_EQ(server_.datasets.uploads, 1);
  EXPECT_EQ(server_.datasets.header.format(), v1::DATASET_FORMAT_CIRCUIT);
  EXPECT_EQ(requests_.back().spec().edge_pruning().circuit().dataset_sha256(),
            Sha256Hex("a circuit, as the server will say"));
  EXPECT_THAT(server_.jobs.watch.requests(), IsEmpty());
  EXPECT_FALSE(folder_.Has("circuit-out"));
}

TEST_F(CircuitJobCommandTest, SendsNothingForACircuitThatIsNowhere) {
  folder_.Write("mine.jsonl", "{}\n");
  const CommandRun run =
      RunCommand(server_, {"edges", "-m", "m", "--prompts", "mine.jsonl", "--circuit", "nosuch", "--detach"});
  EXPECT_EQ(ExitCode(run.status()), kExitNotFound);
  EXPECT_EQ(server_.datasets.uploads, 0);
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(CircuitJobCommandTest, EveryKindCanBeLeftToItselfOrOnlyPriced) {
  const std::vector<std::vector<std::string>> kinds = {{"prune"},
                                                       {"edges", "--circuit", "4jcjlld5gqno"},
                                                       {"acdc", "--threshold", "0.1"},
                                                       {"eap"},
                                                       {"eval", "--circuit", "4jcjlld5gqno"}};
  for (std::vector<std::string> words : kinds) {
    words.insert(words.end(), {"-m", "m", "-t", "numerals", "--labels", "a=b", "--priority", "3"});
    std::vector<std::string> detached = words;
    detached.push_back("--detach");
    const CommandRun run = RunCommand(server_, detached);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(run.out, "jobs/7\n") << words[0];
    EXPECT_EQ(requests_.back().spec().labels().at("a"), "b");
    EXPECT_EQ(requests_.back().spec().priority(), 3);
    words.push_back("--validate-only");
    ASSERT_TRUE(RunCommand(server_, words).ok());
    EXPECT_TRUE(requests_.back().validate_only());
  }
  EXPECT_THAT(server_.jobs.watch.requests(), IsEmpty());
}

TEST_F(CircuitJobCommandTest, ShowsEdgesThatStayAndWhatIsLeft) {
  v1::JobEvent event;
  v1::EdgeDecision& decision = *event.mutable_decision()->mutable_edge_decision();
  *decision.mutable_edge()->mutable_sender() = ParseNode("A0.1").value_or(v1::Node());
  *decision.mutable_edge()->mutable_receiver() = ParseNode("logits").value_or(v1::Node());
  decision.set_criterion(0.01);
  v1::JobEvent leaves = event;
  leaves.mutable_decision()->mutable_edge_decision()->set_removed(true);
  job_.mutable_edge_circuit()->set_edge_count(12);
  v1::JobSpec spec;
  spec.mutable_acdc();
  Watch(spec, {event, leaves});
  const CommandRun run =
      RunCommand(server_, {"acdc", "-m", "m", "-t", "numerals", "--threshold", "0.1", "-o", folder_.File("out")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.err, HasSubstr("\nA0.1->logits 0.0100 stays\n"));
  EXPECT_THAT(run.err, Not(HasSubstr("leaves")));
  EXPECT_THAT(run.out, HasSubstr("Circuit: 12 edges, 0 nodes\n"));
}

TEST_F(CircuitJobCommandTest, ShowsRunsOfAnEvaluationAndItsTablesAlsoToALaterWatcher) {
  v1::JobSpec spec;
  spec.mutable_evaluation()->add_circuits()->set_label("mine");
  spec.mutable_evaluation()->add_tasks()->set_label("numerals");
  v1::JobEvent event;
  event.mutable_step()->mutable_evaluation()->set_run("random 7");
  job_.mutable_evaluation()->add_circuit_labels("mine");
  job_.mutable_evaluation()->add_task_labels("numerals");
  v1::CircuitOnTask& cell = *job_.mutable_evaluation()->add_cells();
  for (const char* node : {"A0.1", "A0.0"}) {
    *cell.add_drops()->mutable_node() = ParseNode(node).value_or(v1::Node());
  }
  Watch(spec, {event});
  const CommandRun run = RunCommand(server_, {"watch", "7", "--top", "1"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.err, HasSubstr("mine on numerals: random 7, 0.0000\n"));
  EXPECT_THAT(run.out, HasSubstr("\nA0.0 "));
  EXPECT_THAT(run.out, HasSubstr("the 1 largest of 2: --top N"));
  EXPECT_THAT(run.out, HasSubstr("Its files: circuit fetch jobs/7\n"));
}

TEST_F(CircuitJobCommandTest, HandsEveryEventOnAsJson) {
  v1::JobSpec spec;
  spec.mutable_edge_attribution();
  v1::JobEvent event;
  event.mutable_step()->mutable_attribution()->set_pairs_done(64);
  Watch(spec, {event});
  const CommandRun run = RunCommand(server_, {"watch", "7", "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr(R"("step":{"attribution":{"pairsDone":"64")"));
  EXPECT_THAT(run.out, Not(HasSubstr("Its files")));
}

TEST_F(CircuitJobCommandTest, JobsListKindModelAndResultOfEveryKind) {
  server_.jobs.list = [](const v1::ListJobsRequest&, v1::ListJobsResponse* response) {
    v1::Job& edges = *response->add_jobs();
    edges.set_state(v1::JOB_STATE_SUCCEEDED);
    edges.mutable_spec()->mutable_edge_pruning()->set_model("m-edges");
    edges.mutable_edge_circuit()->set_edge_count(12);
    edges.mutable_edge_circuit()->set_node_count(5);
    edges.mutable_edge_circuit()->set_faithfulness(0.875);
    v1::Job& running = *response->add_jobs();
    running.set_state(v1::JOB_STATE_RUNNING);
    running.mutable_spec()->mutable_acdc()->set_model("m-acdc");
    running.mutable_progress()->set_steps_done(3);
    running.mutable_progress()->set_steps_left(4);
    v1::Job& evaluation = *response->add_jobs();
    evaluation.set_state(v1::JOB_STATE_SUCCEEDED);
    evaluation.mutable_spec()->mutable_evaluation()->set_model("m-eval");
    evaluation.mutable_evaluation()->add_circuit_labels("a");
    evaluation.mutable_evaluation()->set_run_count(60);
    v1::Job& attribution = *response->add_jobs();
    attribution.set_state(v1::JOB_STATE_RUNNING);
    attribution.mutable_spec()->mutable_edge_attribution();
    return grpc::Status::OK;
  };
  const CommandRun run = RunCommand(server_, {"jobs"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, testing::ContainsRegex("edges +succeeded .*m-edges +12 edges, 5 nodes, faithfulness 0.875\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("acdc +running .*m-acdc +3 decisions, 4 left\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("eval +succeeded .*m-eval +1 circuit on 0 tasks, 60 runs\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("eap +running .* 0 steps, 0 left\n"));
}

}  // namespace
}  // namespace circuitd::client
