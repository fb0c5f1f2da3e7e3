// Times activation patching sweeps of a model folder on token prompts, a sweep a line of standard input, so that
// another program may take turns with it (transformer_lens_sweep.py does).
//
//   cmake --preset bench && cmake --build build/bench --target patching_sweep_bench
//   echo '{"hook": "hook_resid_pre", "layers": [2, 9]}' |
//     OMP_WAIT_POLICY=PASSIVE build/bench/bench/patching_sweep_bench FOLDER PROMPTS.jsonl THREADS
//
// A prompt is a line with clean_ids, corrupted_ids, correct_ids and incorrect_ids; more in the line is ignored.
// Requests may have "direction" ("denoising", "noising") and "plain" (true: by whole forward passes). Each is answered
// by a line
// {"hook", "runs", "cpu_seconds", "wall_seconds", "layers", "columns", "mean": [layers * columns]}.

#include "server/patching/patching_sweep.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "bench/measure.h"
#include "bench/prompts.h"
#include "bench/random_model.h"
#include "server/model/compute_threads.h"

namespace circuitd {
namespace {

using nlohmann::json;

[[noreturn]] void Die(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

template <typename T>
T ValueOrDie(absl::StatusOr<T> value) {
  if (!value.ok()) Die(value.status());
  return *std::move(value);
}

json Answer(const Model& model, SweepRequest request, const json& asked) {
  request.hooks = {ValueOrDie(ParseLayerHookKind(asked.at("hook").get<std::string>()))};
  request.layers = asked.value("layers", std::vector<int>{});
  const bool noising = asked.value("direction", "denoising") == "noising";
  request.direction = noising ? PatchingDirection::kNoising : PatchingDirection::kDenoising;
  const absl::Status valid = ValidateSweep(model.config(), request);
  if (!valid.ok()) Die(valid);

  const Stopwatch watch;
  const SweepResult result = ValueOrDie(asked.value("plain", false) ? RunSweepPlainly(model, request, {})
                                                                    : RunSweep(model, request, {}, nullptr));
  const double cpu_seconds = watch.cpu_seconds(), wall_seconds = watch.wall_seconds();
  const SweepGrid& grid = result.grids[0];
  return {{"hook", asked["hook"]},      {"runs", SweepRuns(model.config(), request)},
          {"cpu_seconds", cpu_seconds}, {"wall_seconds", wall_seconds},
          {"layers", grid.layers},      {"columns", grid.columns},
          {"mean", grid.mean}};
}

void Serve(const char* folder, const char* prompts, int threads) {
  SetComputeThreads(threads);
  const auto model = ValueOrDie(LoadFolder(folder));
  (void)model->Sha256();  // that no thread computes it beside what is timed
  SweepRequest request;
  request.pairs = ValueOrDie(ReadPairs(prompts, model->config()));
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Answer(*model, request, json::parse(line)) << std::endl;
  }
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s FOLDER PROMPTS.jsonl THREADS\n", argv[0]);
    return 2;
  }
  circuitd::Serve(argv[1], argv[2], std::atoi(argv[3]));
}
