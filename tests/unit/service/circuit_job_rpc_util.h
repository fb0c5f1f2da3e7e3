// Jobs that find and judge circuits, small ones and long ones, over RPC.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "circuitd/v1/dataset.grpc.pb.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {

inline v1::Circuit HeadsAndMlps(uint32_t layers, uint32_t heads) {
  v1::Circuit circuit;
  for (uint32_t layer = 0; layer < layers; ++layer) {
    for (uint32_t head = 0; head < heads; ++head) {
      v1::Node& node = *circuit.add_nodes();
      node.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
      node.set_layer(layer);
      node.set_head(head);
    }
    v1::Node& mlp = *circuit.add_nodes();
    mlp.set_kind(v1::NODE_KIND_MLP);
    mlp.set_layer(layer);
  }
  return circuit;
}

// A fraction of a second each, on "nano", whose layers are 3 of 3 heads.
inline v1::JobSpec NanoEdgePruning() {
  v1::JobSpec job;
  v1::EdgePruningSpec& spec = *job.mutable_edge_pruning();
  spec.set_model("nano");
  *spec.mutable_prompts() = NanoSource();
  *spec.mutable_circuit()->mutable_inline_() = HeadsAndMlps(3, 3);
  return job;
}

inline v1::JobSpec NanoAcdc() {
  v1::JobSpec job;
  v1::AcdcSpec& spec = *job.mutable_acdc();
  spec.set_model("nano");
  *spec.mutable_prompts() = NanoSource();
  spec.set_metric(v1::METRIC_LOGIT_DIFF);
  spec.set_threshold(0.0001);
  return job;
}

inline v1::JobSpec NanoAttribution(v1::AttributionMethod method = v1::ATTRIBUTION_METHOD_EAP) {
  v1::JobSpec job;
  v1::EdgeAttributionSpec& spec = *job.mutable_edge_attribution();
  spec.set_model("nano");
  *spec.mutable_prompts() = NanoSource();
  spec.set_method(method);
  spec.mutable_selection()->set_top_k(60);
  return job;
}

inline v1::JobSpec NanoEvaluation() {
  v1::JobSpec job;
  v1::EvaluationSpec& spec = *job.mutable_evaluation();
  spec.set_model("nano");
  v1::Circuit some = HeadsAndMlps(3, 3);
  some.mutable_nodes()->DeleteSubrange(3, 2);
  *spec.add_circuits()->mutable_inline_() = some;
  *spec.add_tasks()->mutable_prompts() = NanoSource();
  spec.set_random_circuits(3);
  spec.set_drop_one(true);
  return job;
}

// The same on "seqcont", for seconds: as many runs as it takes for a restart to come in between.
inline v1::JobSpec OnSeqcont(v1::JobSpec job) {
  switch (job.kind_case()) {
    case v1::JobSpec::kEdgePruning:
      job.mutable_edge_pruning()->set_model("seqcont");
      *job.mutable_edge_pruning()->mutable_prompts() = NumeralsSource(1);
      *job.mutable_edge_pruning()->mutable_circuit()->mutable_inline_() = HeadsAndMlps(4, 8);
      break;
    case v1::JobSpec::kAcdc:
      job.mutable_acdc()->set_model("seqcont");
      *job.mutable_acdc()->mutable_prompts() = NumeralsSource(1);
      break;
    case v1::JobSpec::kEdgeAttribution:
      job.mutable_edge_attribution()->set_model("seqcont");
      *job.mutable_edge_attribution()->mutable_prompts() = NumeralsSource(1);
      job.mutable_edge_attribution()->set_method(v1::ATTRIBUTION_METHOD_EXACT);
      break;
    case v1::JobSpec::kEvaluation:
      job.mutable_evaluation()->set_model("seqcont");
      *job.mutable_evaluation()->mutable_tasks(0)->mutable_prompts() = NumeralsSource(2);
      job.mutable_evaluation()->set_random_circuits(400);
      break;
    default:
      break;
  }
  return job;
}

class CircuitJobRpcTest : public RpcTest {
 protected:
  grpc::Status TrySubmit(const v1::JobSpec& spec, v1::Job* job = nullptr, bool no_cache = false) {
    grpc::ClientContext context;
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec;
    request.set_no_cache(no_cache);
    v1::SubmitJobResponse response;
    const grpc::Status status = Stub<v1::JobService>()->SubmitJob(&context, request, &response);
    if (job != nullptr) *job = response.job();
    return status;
  }
  v1::Job SubmitSpec(const v1::JobSpec& spec, bool no_cache = false) {
    v1::Job job;
    const grpc::Status status = TrySubmit(spec, &job, no_cache);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job;
  }
  // The job at its end, which is to be a success.
  v1::Job Finished(const v1::Job& job) {
    v1::Job ended = Watch(job.name()).back().job();
    EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error().message();
    return ended;
  }
  void Cancel(const std::string& name) {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    request.set_name(name);
    v1::CancelJobResponse response;
    EXPECT_TRUE(Stub<v1::JobService>()->CancelJob(&context, request, &response).ok());
  }
  std::string Download(const v1::Job& job, const std::string& artifact) {
    grpc::ClientContext context;
    v1::DownloadArtifactRequest request;
    request.set_name(job.name());
    request.set_artifact(artifact);
    const auto reader = Stub<v1::JobService>()->DownloadArtifact(&context, request);
    std::string bytes;
    for (v1::DownloadArtifactResponse message; reader->Read(&message);) bytes += message.data();
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << artifact << ": " << status.error_message();
    return bytes;
  }
  grpc::Status TryUpload(const std::string& bytes, std::string* sha256 = nullptr) {
    grpc::ClientContext context;
    v1::UploadDatasetResponse uploaded;
    const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &uploaded);
    v1::UploadDatasetRequest part;
    part.mutable_header()->set_format(v1::DATASET_FORMAT_CIRCUIT);
    writer->Write(part);
    part.set_data(bytes);
    writer->Write(part);
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (sha256 != nullptr) *sha256 = uploaded.dataset().sha256();
    return status;
  }
  std::string Upload(const std::string& bytes) {
    std::string sha256;
    const grpc::Status status = TryUpload(bytes, &sha256);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return sha256;
  }
  // Returns when something has happened that a restart must not make happen again.
  void WaitForStep(const std::string& name) {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name(name);
    const auto reader = Stub<v1::JobService>()->WatchJob(&context, request);
    v1::WatchJobResponse message;
    bool happened = false;
    while (!happened && reader->Read(&message)) happened = message.event().has_decision() || message.event().has_step();
    EXPECT_TRUE(happened);
    context.TryCancel();
    while (reader->Read(&message)) {
    }
    reader->Finish();
  }
};

}  // namespace circuitd
