// Where the circuits of a request come from, and what is wrong with them.
#include <gmock/gmock.h>

#include "server/graph/circuit_document.h"
#include "tests/unit/service/circuit_job_rpc_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

// One circuit beside that of NanoEvaluation, without anything that takes long.
v1::JobSpec WithCircuit(const v1::CircuitSource& source) {
  v1::JobSpec job = NanoEvaluation();
  job.mutable_evaluation()->set_random_circuits(0);
  job.mutable_evaluation()->set_drop_one(false);
  *job.mutable_evaluation()->add_circuits() = source;
  return job;
}

v1::CircuitSource OfJob(const std::string& name) {
  v1::CircuitSource source;
  source.set_job(name);
  return source;
}

v1::CircuitSource OfDataset(const std::string& sha256) {
  v1::CircuitSource source;
  source.set_dataset_sha256(sha256);
  return source;
}

class CircuitSourceRpcTest : public CircuitJobRpcTest {};

TEST_F(CircuitSourceRpcTest, JobsDatasetsAndInlineNodesAreTheSameCircuit) {
  const v1::Job found = Finished(SubmitSpec(NanoAcdc()));
  v1::JobSpec spec = WithCircuit(OfJob(found.name()));
  *spec.mutable_evaluation()->add_circuits() = OfDataset(Upload(Download(found, "circuit.json")));
  spec.mutable_evaluation()->mutable_circuits(2)->set_label("mine");
  spec.mutable_evaluation()->set_ablation(v1::ABLATION_RESAMPLE);
  const v1::Job job = Finished(SubmitSpec(spec));
  const v1::EvaluationResult& result = job.evaluation();
  ASSERT_EQ(result.cells_size(), 3);
  EXPECT_EQ(result.cells(1).circuit_metric(), result.cells(2).circuit_metric());
  EXPECT_THAT(result.circuit_labels(), testing::ElementsAre("circuit 1", found.name(), "mine"));
  EXPECT_THAT(result.task_labels(), testing::ElementsAre("prompts"));
}

TEST_F(CircuitSourceRpcTest, JobKeepsCircuitsThatAreGone) {
  const v1::Job found = Finished(SubmitSpec(NanoAcdc()));
  const std::string dataset = Upload(Download(found, "seqcont.json"));
  v1::JobSpec spec = OnSeqcont(NanoEvaluation());
  spec.mutable_evaluation()->set_ablation(v1::ABLATION_RESAMPLE);
  const v1::Job running = SubmitSpec(spec);
  WaitForStep(running.name());
  const v1::Job waiting = SubmitSpec(WithCircuit(OfDataset(dataset)));
  Start(TestOptions());  // which forgets datasets
  Cancel(running.name());
  const v1::Job job = Finished(waiting);
  EXPECT_EQ(job.evaluation().cells_size(), 2);
  EXPECT_EQ(job.spec().evaluation().circuits(1).dataset_sha256(), dataset);
}

TEST_F(CircuitSourceRpcTest, JobsWithoutACircuitAreRefused) {
  grpc::Status status = TrySubmit(WithCircuit(OfJob("jobs/aaaaaaaaaaaa")));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ViolatedField(status), "spec.evaluation.circuits[1].job");
  const v1::Job evaluation = Finished(SubmitSpec(NanoEvaluation()));
  status = TrySubmit(WithCircuit(OfJob(evaluation.name())));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("has found no circuit"));
  const v1::Job running = SubmitSpec(OnSeqcont(NanoAcdc()));
  WaitForStep(running.name());
  status = TrySubmit(WithCircuit(OfJob(running.name())));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("is running, must have succeeded"));
  EXPECT_EQ(ViolatedField(status), "spec.evaluation.circuits[1].job");
  Cancel(running.name());
}

TEST_F(CircuitSourceRpcTest, CircuitsOfModelsWithOtherDimensionsAreRefused) {
  const v1::Job found = Finished(SubmitSpec(NanoAcdc()));
  v1::JobSpec spec = OnSeqcont(NanoEvaluation());
  *spec.mutable_evaluation()->add_circuits() = OfJob(found.name());
  const grpc::Status status = TrySubmit(spec);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ViolatedField(status), "spec.evaluation.circuits[1]") << status.error_message();
}

TEST_F(CircuitSourceRpcTest, GarbageIsNoCircuit) {
  for (const char* bytes : {"", "hello", "[]", "{}", R"({"clean": "a"})", R"({"schema": "circuitd.circuit/9"})"}) {
    EXPECT_EQ(TryUpload(bytes).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bytes;
  }
  EXPECT_EQ(TryUpload(std::string(100'000, '[')).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  // A dataset is what it was uploaded as.
  const std::string sha256 = Upload(R"({"heads": [[0, 1]], "mlps": [2]})");
  v1::JobSpec spec = NanoAcdc();
  spec.mutable_acdc()->mutable_prompts()->set_pairs_dataset_sha256(sha256);
  EXPECT_EQ(ViolatedField(TrySubmit(spec)), "spec.acdc.prompts.pairs_dataset_sha256");
}

TEST_F(CircuitSourceRpcTest, HostileCircuitsAreRefusedByName) {
  struct Case {
    const char* bytes;
    const char* says;
  };
  for (const Case& bad : {
           Case{R"({"heads": [[7, 0]], "mlps": []})", "7"},
           Case{R"({"heads": [[0, 0], [0, 0]], "mlps": []})", "A0.0"},
           Case{R"({"heads": [[0, 1e400]], "mlps": []})", "heads"},
           Case{R"({"heads": [["a"]], "mlps": []})", "heads"},
       }) {
    std::string sha256;
    const grpc::Status uploaded = TryUpload(bad.bytes, &sha256);
    const grpc::Status status = uploaded.ok() ? TrySubmit(WithCircuit(OfDataset(sha256))) : uploaded;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bad.bytes;
    EXPECT_THAT(status.error_message(), HasSubstr(bad.says)) << bad.bytes;
    EXPECT_EQ(ViolatedField(status), uploaded.ok() ? "spec.evaluation.circuits[1]" : "") << bad.bytes;
  }
  // A cycle, and an edge that is there twice.
  const v1::Job found = Finished(SubmitSpec(NanoAcdc()));
  const std::string good = Download(found, "circuit.json");
  const size_t edges = good.find("\"edges\": [");
  ASSERT_NE(edges, std::string::npos) << good;
  const size_t begin = good.find('{', edges);
  std::string twice = good, cycle = good;
  twice.insert(begin, good.substr(begin, good.find('}', begin) - begin + 1) + ", ");
  cycle.insert(begin, R"({"sender": "A2.0", "receiver": "A0.0.q"}, )");
  for (const std::string& bytes : {twice, cycle}) {
    const grpc::Status status = TrySubmit(WithCircuit(OfDataset(Upload(bytes))));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ViolatedField(status), "spec.evaluation.circuits[1]") << status.error_message();
  }
}

TEST_F(CircuitSourceRpcTest, InlineNodesAreTheModelsHeadsAndMlps) {
  const auto refused = [&](const std::function<void(v1::Node&)>& spoil) {
    v1::JobSpec spec = NanoEvaluation();
    spoil(*spec.mutable_evaluation()->mutable_circuits(0)->mutable_inline_()->mutable_nodes(1));
    const grpc::Status status = TrySubmit(spec);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  const std::string node = "spec.evaluation.circuits[0].inline.nodes[1]";
  EXPECT_EQ(refused([](auto& n) { n.set_layer(3); }), node + ".layer");
  EXPECT_EQ(refused([](auto& n) { n.set_head(4'000'000'000); }), node + ".head");
  EXPECT_EQ(refused([](auto& n) { n.set_input(v1::HEAD_INPUT_Q); }), node + ".input");
  EXPECT_EQ(refused([](auto& n) { n.set_head(0); }), node);  // the first one again
  EXPECT_EQ(refused([](auto& n) {
              n.Clear();
              n.set_kind(v1::NODE_KIND_EMBED);
            }),
            node);
}

TEST_F(CircuitSourceRpcTest, FailedPlansNameTheTask) {
  v1::JobSpec spec = NanoEvaluation();
  *spec.mutable_evaluation()->add_tasks()->mutable_prompts() = NanoSource();
  spec.mutable_evaluation()->mutable_tasks(1)->mutable_prompts()->mutable_inline_()->clear_corrupted();
  EXPECT_EQ(ViolatedField(TrySubmit(spec)), "spec.evaluation.tasks[1].prompts.inline.corrupted");
  spec = WithCircuit({});
  EXPECT_EQ(ViolatedField(TrySubmit(spec)), "spec.evaluation.circuits[1].source");
  spec = NanoEvaluation();
  spec.mutable_evaluation()->set_curve(true);  // without scores
  EXPECT_EQ(ViolatedField(TrySubmit(spec)), "spec.evaluation.curve");
  spec.mutable_evaluation()->set_model("gpt5");
  EXPECT_EQ(ViolatedField(TrySubmit(spec)), "spec.evaluation.model");
}

}  // namespace
}  // namespace circuitd
