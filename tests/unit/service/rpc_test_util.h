// A server in this process, with the small models of the shared material, and its stubs.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "circuitd/v1/job.grpc.pb.h"
#include "server/model/model.h"
#include "server/service/server.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd {

// Default options on ports of the kernel's choice, with the models "nano" (no tokenizer, d_vocab 3, n_ctx 11) and
// "seqcont" (GPT-2's tokenizer). Fails the test if the shared material is not there.
ServerOptions TestOptions();

class RpcTest : public testing::Test {
 protected:
  void SetUp() override { Start(TestOptions()); }
  // Ends the server that runs, and starts one with the same data folder.
  void Start(ServerOptions options);

  template <typename Service>
  std::unique_ptr<typename Service::Stub> Stub() {
    return Service::NewStub(channel_);
  }

  // A pruning job that takes a fraction of a second.
  static v1::SubmitJobRequest SmallJob();
  // One that takes minutes.
  static v1::SubmitJobRequest LongJob();
  v1::Job Submit(const v1::SubmitJobRequest& request);
  // All messages of a watch from the start, to its end.
  std::vector<v1::WatchJobResponse> Watch(const std::string& name, uint64_t after = 0);
  // Returns when the job has made a decision.
  void WaitForDecision(const std::string& name);

  // The model that the server knows by that name, for comparisons.
  static std::shared_ptr<const Model> LoadDirectly(const std::string& name);

  const client::TempFolder data_folder_;
  std::unique_ptr<CircuitServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The field of a status's BadRequest detail; empty if it has none.
std::string ViolatedField(const grpc::Status& status);

}  // namespace circuitd
