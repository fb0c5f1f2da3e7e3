// Times attribution of edges beside forward passes over the same prompts, in turns, on random weights; and says what
// memory it took beside what it was estimated to take.
//
//   edge_attribution_bench --shape gpt2 --pairs 32 --tokens 20 --methods eap,eap_ig_inputs
#include "server/circuit/attribution/edge_attribution.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/measure.h"
#include "bench/prompts.h"
#include "bench/random_model.h"
#include "server/model/compute_threads.h"
#include "server/model/forward.h"

namespace circuitd {
namespace {

const std::map<std::string, AttributionMethod>& Methods() {
  static const auto& methods =
      *new std::map<std::string, AttributionMethod>{{"eap", AttributionMethod::kEap},
                                                    {"eap_ig_inputs", AttributionMethod::kEapIgInputs},
                                                    {"eap_ig_activations", AttributionMethod::kEapIgActivations},
                                                    {"exact", AttributionMethod::kExact}};
  return methods;
}

struct Flags {
  std::string shape = "gpt2";
  int pairs = 32, tokens = 20, steps = 5, threads = 1, repeats = 3;
  int64_t memory_budget = int64_t{2} << 30;
  std::vector<std::string> methods = {"eap"};
};

// Processor time of `run`, in seconds.
template <typename Run>
absl::StatusOr<double> CpuSeconds(const Run& run) {
  const Stopwatch watch;
  RETURN_IF_ERROR(run());
  return watch.cpu_seconds();
}

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(const ModelConfig config, ShapeNamed(flags.shape));
  const auto model = RandomModel(config, 1);
  ASSIGN_OR_RETURN(const PromptPairs pairs, RandomPairs(*model, flags.pairs, flags.tokens, 1));
  ForwardRequest forward;
  for (const PromptPair& pair : pairs) forward.prompts.push_back(pair.clean);
  const TensorSink drop = [](std::string, HostTensor) { return absl::OkStatus(); };
  const auto run_forward = [&] { return RunForward(*model, forward, {}, drop).status(); };
  RETURN_IF_ERROR(run_forward());

  nlohmann::json report = nlohmann::json::array();
  for (const std::string& method : flags.methods) {
    AttributionOptions options;
    options.method = Methods().at(method);
    options.steps = flags.steps;
    options.runs.memory_budget_bytes = flags.memory_budget;
    const AttributionCost cost = EstimateAttribution(*model, pairs, options);
    const int64_t resident = ResidentBytes();
    double forward_seconds = 0, seconds = 0;
    for (int i = 0; i < flags.repeats; ++i) {
      ASSIGN_OR_RETURN(const double of_forward, CpuSeconds(run_forward));
      ASSIGN_OR_RETURN(const double of_method,
                       CpuSeconds([&] { return AttributeEdges(*model, pairs, options, {}).status(); }));
      forward_seconds += of_forward / flags.repeats;
      seconds += of_method / flags.repeats;
    }
    report.push_back({{"method", method},
                      {"forward_cpu_seconds", forward_seconds},
                      {"cpu_seconds", seconds},
                      {"ratio", seconds / forward_seconds},
                      {"gflops_estimated", cost.flops / 1e9},
                      {"micro_batch_prompts", cost.micro_batch_prompts},
                      {"bytes_estimated", cost.memory_bytes},
                      {"peak_bytes_more", PeakResidentBytes() - resident}});
  }
  std::printf("%s\n", report.dump(1).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::SleepWhileIdle(argv);
  circuitd::Flags flags;
  CLI::App app("Times attribution of edges beside forward passes.");
  app.option_defaults()->always_capture_default();
  app.add_option("--shape", flags.shape, "A usual model's shape");
  app.add_option("--pairs", flags.pairs, "Pairs of prompts")->check(CLI::PositiveNumber);
  app.add_option("--tokens", flags.tokens, "Tokens of a prompt")->check(CLI::PositiveNumber);
  app.add_option("--steps", flags.steps, "Steps of integrated gradients")->check(CLI::PositiveNumber);
  app.add_option("--methods", flags.methods, "eap, eap_ig_inputs, eap_ig_activations, exact")
      ->delimiter(',')
      ->check(CLI::IsMember(circuitd::Methods()));
  app.add_option("--memory-budget", flags.memory_budget, "Bytes")->check(CLI::PositiveNumber);
  app.add_option("--threads", flags.threads, "Threads of a run")->check(CLI::PositiveNumber);
  app.add_option("--repeats", flags.repeats, "How often each is run")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  circuitd::SetComputeThreads(flags.threads);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "edge_attribution_bench: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
