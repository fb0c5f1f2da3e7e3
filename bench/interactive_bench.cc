// What interactive calls cost over loopback, beside the same work in this process, on a random model of GPT-2 small's
// shape on the CPU: one prompt, 32 callers, and captured tensors. Both sides take turns, so that what else the machine
// does hits both.
//
//   make_inputs --shape gpt2 --model build/gpt2-random &&
//     OMP_WAIT_POLICY=PASSIVE interactive_bench build/gpt2-random [latency] [throughput] [capture]

#include <grpcpp/grpcpp.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "circuitd/v1/inference.grpc.pb.h"
#include "server/model/forward.h"
#include "server/model/registry.h"
#include "server/service/server.h"
#include "tests/unit/service/rpc_messages.h"

namespace circuitd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kModel[] = "gpt2-small-shape";
constexpr int kTopTokens = 10;

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Of all threads of this process.
double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <typename Body>
double Seconds(const Body& body) {
  const auto begin = Clock::now();
  body();
  return SecondsSince(begin);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void Require(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::vector<int> Prompt(int tokens, int number) {
  std::vector<int> prompt;
  for (int i = 0; i < tokens; ++i) prompt.push_back((number * 7919 + i * 131) % 50257);
  return prompt;
}

v1::ForwardRequest RequestOf(const std::vector<std::vector<int>>& prompts) {
  v1::ForwardRequest request;
  request.set_model(kModel);
  for (const auto& prompt : prompts) *request.add_prompts() = Ids({prompt.begin(), prompt.end()});
  request.mutable_logits()->set_top_k(kTopTokens);
  return request;
}

class Bench {
 public:
  explicit Bench(const std::string& folder) {
    ServerOptions options;
    options.address = "127.0.0.1:0";
    options.metrics_address = "";
    options.models.locations.folders[kModel] = folder;
    options.load = {kModel};
    auto server = CircuitServer::Start(options);
    Require(server.ok(), server.status().ToString());
    server_ = *std::move(server);
    const std::string address = "127.0.0.1:" + std::to_string(server_->port());
    stub_ = v1::InferenceService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    registry_ = std::make_unique<ModelRegistry>(options.models);
    auto model = registry_->Load(kModel, LoadOptions{});
    Require(model.ok(), model.status().ToString());
    model_ = *std::move(model);
  }

  // One caller, one prompt.
  void Latency(int tokens) {
    constexpr int kRounds = 30;
    std::vector<double> over_rpc, in_process, beside;
    for (int round = 0; round < kRounds; ++round) {
      const std::vector<std::vector<int>> prompts = {Prompt(tokens, round)};
      const v1::ForwardRequest request = RequestOf(prompts);
      in_process.push_back(Seconds([&] { InProcess(prompts); }));
      double compute = 0;
      over_rpc.push_back(Seconds([&] { compute = OverRpc(request); }));
      beside.push_back(over_rpc.back() - compute);
    }
    std::printf(
        "one prompt of %3d tokens: in process %6.2f ms, over loopback %6.2f ms (%.2f ms beside its pass), ratio %.3f\n",
        tokens, 1e3 * Median(in_process), 1e3 * Median(over_rpc), 1e3 * Median(beside),
        Median(over_rpc) / Median(in_process));
    std::fflush(stdout);
  }

  // Many callers of one prompt each, beside one batch in this process.
  void Throughput(int tokens) {
    constexpr int kCallers = 32, kCallsEach = 6, kRounds = 5;
    std::vector<double> over_rpc, in_process;
    for (int round = 0; round < kRounds; ++round) {
      std::vector<std::vector<int>> prompts;
      for (int i = 0; i < kCallers; ++i) prompts.push_back(Prompt(tokens, i));
      in_process.push_back(Seconds([&] {
                             for (int call = 0; call < kCallsEach; ++call) InProcess(prompts);
                           }) /
                           kCallsEach);
      over_rpc.push_back(Seconds([&] {
                           std::vector<std::thread> callers;
                           for (int i = 0; i < kCallers; ++i) {
                             callers.emplace_back([&, i] {
                               const v1::ForwardRequest request = RequestOf({prompts[i]});
                               for (int call = 0; call < kCallsEach; ++call) OverRpc(request);
                             });
                           }
                           for (std::thread& caller : callers) caller.join();
                         }) /
                         kCallsEach);
    }
    std::printf("%d prompts of %2d tokens: in process %6.1f prompts/s, %d callers %6.1f prompts/s, ratio %.3f\n",
                kCallers, tokens, kCallers / Median(in_process), kCallers, kCallers / Median(over_rpc),
                Median(in_process) / Median(over_rpc));
    std::fflush(stdout);
  }

  // From the summary, which comes when all is computed, to the reply's end.
  void Capture() {
    constexpr int kPrompts = 12, kTokens = 40, kRounds = 9;
    std::vector<std::vector<int>> prompts;
    for (int i = 0; i < kPrompts; ++i) prompts.push_back(Prompt(kTokens, i));
    v1::ForwardRequest request = RequestOf(prompts);
    // Large, and little to compute.
    for (const char* hook : {"blocks.*.hook_q_input", "blocks.*.hook_k_input", "blocks.*.hook_v_input"}) {
      request.mutable_capture()->add_hooks(hook);
    }
    std::vector<double> rates, cpu;
    double compute = 0, bytes = 0, whole = 0;
    for (int round = 0; round < kRounds; ++round) {
      grpc::ClientContext context;
      const auto start = Clock::now();
      const auto reader = stub_->Forward(&context, request);
      v1::ForwardResponse message;
      Require(reader->Read(&message) && message.has_summary(), "no summary");
      compute = message.summary().compute_seconds();
      const auto begin = Clock::now();
      const double cpu_begin = CpuSeconds();
      bytes = 0;
      while (reader->Read(&message)) bytes += static_cast<double>(message.chunk().data().size());
      Require(reader->Finish().ok(), "failed");
      rates.push_back(bytes / SecondsSince(begin));
      cpu.push_back((CpuSeconds() - cpu_begin) / (bytes / 1e9));
      whole = SecondsSince(start);
    }
    std::printf(
        "captured: %.0f MB, computed in %.2f s, then %.2f GB/s (best %.2f), %.2f CPU s/GB of both sides, in all %.2f "
        "s\n",
        bytes / 1e6, compute, Median(rates) / 1e9, *std::max_element(rates.begin(), rates.end()) / 1e9, Median(cpu),
        whole);
  }

 private:
  void InProcess(const std::vector<std::vector<int>>& prompts) {
    ForwardRequest request;
    request.prompts = prompts;
    request.logits.top_k = kTopTokens;
    const auto result = RunForward(*model_, request, {}, nullptr);
    Require(result.ok(), result.status().ToString());
  }

  // Returns the seconds that the device worked for the call.
  double OverRpc(const v1::ForwardRequest& request) {
    grpc::ClientContext context;
    const auto reader = stub_->Forward(&context, request);
    v1::ForwardResponse message;
    double compute = 0;
    while (reader->Read(&message)) compute = message.summary().compute_seconds();
    const grpc::Status status = reader->Finish();
    Require(status.ok(), status.error_message());
    return compute;
  }

  std::unique_ptr<CircuitServer> server_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
  std::unique_ptr<ModelRegistry> registry_;
  std::shared_ptr<const Model> model_;
};

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "Usage: interactive_bench MODEL_FOLDER [latency] [throughput] [capture]\n");
    return 2;
  }
  std::set<std::string> parts(argv + 2, argv + argc);
  if (parts.empty()) parts = {"latency", "throughput", "capture"};
  circuitd::Bench bench(argv[1]);
  if (parts.contains("latency")) {
    for (const int tokens : {8, 24, 64}) bench.Latency(tokens);
  }
  if (parts.contains("throughput")) {
    for (const int tokens : {8, 24}) bench.Throughput(tokens);
  }
  if (parts.contains("capture")) bench.Capture();
}
