// How much faster sweeps are than the same by whole forward passes, hook by hook, on a random model of GPT-2 small's
// shape (but for the vocabulary) on the CPU. The two take turns, so that what else the machine does hits both.
//
//   cmake --preset bench && cmake --build build/bench --target patching_sweep_bench
//   OMP_NUM_THREADS=1 build/bench/bench/patching_sweep_bench

#include "server/patching/patching_sweep.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "bench/random_model.h"

namespace circuitd {
namespace {

constexpr int kPairs = 8, kTokens = 16, kRounds = 2;

std::unique_ptr<Model> SmallVocabularyModel() {
  absl::StatusOr<ModelConfig> config = ShapeNamed("gpt2");
  config->n_ctx = 64;
  config->d_vocab = 5000;
  return RandomModel(*config, /*seed=*/1);
}

// Prompts of a template: every fourth token differs, from `first` on; or all of them.
PromptPairs Pairs(int first, int step) {
  PromptPairs pairs(kPairs);
  for (int i = 0; i < kPairs; ++i) {
    PromptPair& pair = pairs[i];
    for (int position = 0; position < kTokens; ++position) {
      const int token = (i * 997 + position * 131) % 4000;
      pair.clean.push_back(token);
      pair.corrupted.push_back(position >= first && (position - first) % step == 0 ? token + 1 : token);
    }
    pair.correct = {i + 4000};
    pair.incorrect = {i + 4500};
  }
  return pairs;
}

template <typename Run>
double Seconds(const Run& run, SweepResult& result) {
  const auto begin = std::chrono::steady_clock::now();
  auto answer = run();
  if (!answer.ok()) {
    std::fprintf(stderr, "%s\n", answer.status().ToString().c_str());
    std::exit(1);
  }
  result = *std::move(answer);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double LargestDifference(const SweepResult& a, const SweepResult& b) {
  double largest = 0;
  for (size_t i = 0; i < a.grids[0].per_prompt.size(); ++i) {
    largest = std::max(largest, std::abs(a.grids[0].per_prompt[i] - b.grids[0].per_prompt[i]));
  }
  return largest;
}

void Measure(const Model& model, const char* name, const PromptPairs& pairs) {
  std::printf("%d pairs of %d tokens, %s\n%-16s %6s %10s %10s %7s %10s\n", kPairs, kTokens, name, "hook", "runs",
              "plain (s)", "sweep (s)", "ratio", "difference");
  SweepRequest request;
  request.pairs = pairs;
  request.layers = {2, 9};  // whose mean height is that of all layers
  const ForwardOptions options;
  for (const HookKind hook : {HookKind::kResidPre, HookKind::kAttnOut, HookKind::kMlpOut, HookKind::kZ, HookKind::kQ,
                              HookKind::kK, HookKind::kV, HookKind::kPattern}) {
    request.hooks = {hook};
    SweepResult sweep, plain;
    double sweep_seconds = 0, plain_seconds = 0;
    for (int round = 0; round < kRounds; ++round) {
      sweep_seconds += Seconds([&] { return RunSweep(model, request, options, nullptr); }, sweep);
      plain_seconds += Seconds([&] { return RunSweepPlainly(model, request, options); }, plain);
    }
    std::printf("%-16s %6d %10.2f %10.2f %7.1f %10.1e\n", HookKindName(hook).c_str(),
                static_cast<int>(SweepRuns(model.config(), request)), plain_seconds / kRounds, sweep_seconds / kRounds,
                plain_seconds / sweep_seconds, LargestDifference(sweep, plain));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace circuitd

int main() {
  const auto model = circuitd::SmallVocabularyModel();
  circuitd::Measure(*model, "every fourth differs", circuitd::Pairs(3, 4));
  circuitd::Measure(*model, "all differ", circuitd::Pairs(0, 1));
}
