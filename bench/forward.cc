// Times whole forward passes by the server's own way, RunForward, and prints JSON: last logits and all logits, at
// several batch sizes.
//
//   forward --model FOLDER --prompts FILE.jsonl --batches 1,32 --threads 1
#include "server/model/forward.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/measure.h"
#include "bench/prompts.h"
#include "bench/random_model.h"
#include "server/model/compute_threads.h"

namespace circuitd {
namespace {

struct Flags {
  std::string model, prompts;
  std::vector<int> batches = {1, 32};
  int threads = 1;
  double seconds = 2;
};

// Repeats the run until `seconds` are over, at least twice after a first one that is not counted.
absl::StatusOr<nlohmann::json> Measure(const Model& model, const ForwardRequest& request, double seconds) {
  const TensorSink drop = [](std::string, HostTensor) { return absl::OkStatus(); };
  std::vector<double> cpu, wall;
  const Stopwatch all;
  do {
    const Stopwatch watch;
    RETURN_IF_ERROR(RunForward(model, request, {}, drop).status());
    cpu.push_back(watch.cpu_seconds());
    wall.push_back(watch.wall_seconds());
  } while (all.wall_seconds() < seconds || cpu.size() < 3);
  const auto median = [](std::vector<double>& values) {
    values.erase(values.begin());
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  };
  return nlohmann::json{{"cpu", median(cpu)}, {"wall", median(wall)}};
}

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto model, LoadFolder(flags.model));
  ASSIGN_OR_RETURN(const PromptPairs pairs, ReadPairs(flags.prompts, model->config()));
  nlohmann::json report = nlohmann::json::array();
  for (const int batch : flags.batches) {
    for (const LogitsPositions positions : {LogitsPositions::kLast, LogitsPositions::kAll}) {
      ForwardRequest request;
      request.logits.full_logits = positions;
      for (int i = 0; i < batch; ++i) request.prompts.push_back(pairs[i % pairs.size()].clean);
      ASSIGN_OR_RETURN(nlohmann::json measured, Measure(*model, request, flags.seconds));
      measured["batch"] = batch;
      measured["logits"] = positions == LogitsPositions::kLast ? "last" : "all";
      report.push_back(measured);
    }
  }
  std::printf("%s\n", report.dump(1).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::SleepWhileIdle(argv);
  circuitd::Flags flags;
  CLI::App app("Times forward passes.");
  app.option_defaults()->always_capture_default();
  app.add_option("--model", flags.model, "The model's folder")->required();
  app.add_option("--prompts", flags.prompts, "Pairs of token ids, one a line; the clean ones are run")->required();
  app.add_option("--batches", flags.batches, "Prompts of a forward pass")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--threads", flags.threads, "Threads of a forward pass")->check(CLI::PositiveNumber);
  app.add_option("--seconds", flags.seconds, "How long each is repeated")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  circuitd::SetComputeThreads(flags.threads);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "forward: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
