// Times node pruning in one process, and prints as JSON what it took, every score, the peak of resident memory and how
// long others would have waited between two checkpoints.
//
//   node_pruning --model FOLDER --prompts FILE.jsonl --keep numerals --threads 1
//
// FOLDER and FILE.jsonl may come from make_inputs; --shape and --pairs make them in memory instead. With --keep the run
// goes along the decisions that leave these nodes, whatever the scores; without, along its own.
#include "server/circuit/node_pruning.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/status.h"
#include "bench/forced_scorer.h"
#include "bench/measure.h"
#include "bench/pause_meter.h"
#include "bench/prompts.h"
#include "bench/random_model.h"
#include "server/circuit/engine/fast_node_scorer.h"
#include "server/circuit/node_sweep.h"
#include "server/circuit/plain_node_scorer.h"
#include "server/model/compute_threads.h"
#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

using nlohmann::json;

struct Flags {
  std::string shape, model, prompts, keep;
  std::string engine = "fast", means = "seqcont";
  int pairs = 0, tokens = 23, threads = 1, iterations = 1, sample = 0;
  double threshold = 20;
  int64_t memory_budget = int64_t{2} << 30;
};

using Engine = std::function<absl::StatusOr<std::unique_ptr<NodeScorer>>(
    const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options, const Checkpoint& checkpoint)>;

const std::map<std::string, Engine>& Engines() {
  static const std::map<std::string, Engine> engines = {{"fast", FastNodeScorer::Create},
                                                        {"plain", PlainNodeScorer::Create}};
  return engines;
}

absl::StatusOr<std::shared_ptr<const Model>> FlaggedModel(const Flags& flags) {
  if (!flags.model.empty()) return LoadFolder(flags.model);
  ASSIGN_OR_RETURN(const ModelConfig config, ShapeNamed(flags.shape));
  return std::shared_ptr<const Model>(RandomModel(config, /*seed=*/1));
}

absl::StatusOr<PromptPairs> FlaggedPairs(const Flags& flags, const Model& model) {
  if (flags.prompts.empty()) return RandomPairs(model, flags.pairs > 0 ? flags.pairs : 48, flags.tokens, /*seed=*/1);
  ASSIGN_OR_RETURN(PromptPairs pairs, ReadPairs(flags.prompts, model.config()));
  if (flags.pairs > 0 && static_cast<size_t>(flags.pairs) < pairs.size()) pairs.resize(flags.pairs);
  return pairs;
}

json Seconds(const Stopwatch& watch) { return {{"cpu", watch.cpu_seconds()}, {"wall", watch.wall_seconds()}}; }

json Shape(const ModelConfig& config) {
  return {{"n_layers", config.n_layers},
          {"n_heads", config.n_heads},
          {"d_model", config.d_model},
          {"d_vocab", config.d_vocab}};
}

json Candidates(const std::vector<PruningDecision>& decisions, const ForcedScorer& scorer) {
  json candidates = json::array();
  for (const ScoredCandidate& scored : scorer.scored()) {
    candidates.push_back({{"index", scored.index},
                          {"score", scored.score},
                          {"logit_diff", scored.score * scorer.full_logit_diff() / 100},
                          {"cpu", scored.cpu_seconds},
                          {"wall", scored.wall_seconds}});
  }
  json path = json::array();
  for (const PruningDecision& decision : decisions) {
    path.push_back({{"node", NodeName(decision.node)}, {"removed", decision.removed}});
  }
  return {{"path", path}, {"candidates", candidates}};
}

absl::Status Run(const Flags& flags) {
  const Stopwatch load_watch;
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, FlaggedModel(flags));
  const ModelConfig& config = model->config();
  const double load_seconds = load_watch.wall_seconds();
  ASSIGN_OR_RETURN(const PromptPairs pairs, FlaggedPairs(flags, *model));
  std::optional<NodeSet> kept;
  if (!flags.keep.empty()) {
    ASSIGN_OR_RETURN(kept, KeptNodes(config, flags.keep));
  }
  NodePruningOptions options;
  options.means = flags.means == "clean" ? MlpMeans::kClean : MlpMeans::kSeqcont;
  options.threshold = flags.threshold;
  options.max_iterations = flags.iterations;
  options.memory_budget_bytes = flags.memory_budget;
  options.engine = flags.engine == "plain" ? PruningEngine::kPlain : PruningEngine::kFast;
  const PruningCost cost = EstimatePruningCost(*model, pairs, options);

  // From here on it is a job's time: its preparation is part of it.
  const int64_t resident_before = ResidentBytes();
  const Stopwatch watch;
  PauseMeter pauses;
  const Checkpoint checkpoint = pauses.checkpoint();
  ASSIGN_OR_RETURN(const std::unique_ptr<NodeScorer> engine,
                   Engines().at(flags.engine)(model->network(), pairs, options, checkpoint));
  const json preparation = Seconds(watch), preparation_pauses = pauses.Take();
  ForcedScorer scorer(*engine, config, kept, flags.sample);
  std::vector<PruningDecision> decisions;
  ASSIGN_OR_RETURN(const NodePruningResult result,
                   PruneWithScorer(scorer, config, options, [&](const PruningDecision& d) { decisions.push_back(d); }));
  const json total = Seconds(watch), run_pauses = pauses.Take();

  json report = {{"engine", flags.engine},
                 {"shape", Shape(config)},
                 {"pairs", pairs.size()},
                 {"tokens", LongestPrompt(pairs, &PromptPair::clean)},
                 {"threads", flags.threads},
                 {"means", flags.means},
                 {"threshold", flags.threshold},
                 {"load_seconds", load_seconds},
                 {"preparation_seconds", preparation},
                 {"seconds", total},
                 {"between_checkpoints", {{"preparation", preparation_pauses}, {"sweeps", run_pauses}}},
                 {"full_logit_diff", result.full_logit_diff},
                 {"micro_batch_prompts", cost.micro_batch_prompts},
                 {"memory_budget_bytes", flags.memory_budget},
                 {"resident_before_bytes", resident_before},
                 {"peak_resident_bytes", PeakResidentBytes()}};
  report.update(Candidates(decisions, scorer));
  std::printf("%s\n", report.dump(1).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::SleepWhileIdle(argv);
  circuitd::Flags flags;
  CLI::App app("Times node pruning.");
  app.option_defaults()->always_capture_default();
  auto* shape = app.add_option("--shape", flags.shape, "A random model: demo, distilgpt2, gpt2 or gpt2-medium");
  app.add_option("--model", flags.model, "A model's folder")->excludes(shape);
  app.add_option("--prompts", flags.prompts, "Pairs of token ids, one a line");
  app.add_option("--pairs", flags.pairs, "Pairs to run: random ones, or the first of --prompts")
      ->check(CLI::PositiveNumber);
  app.add_option("--tokens", flags.tokens, "Tokens of each random one")->check(CLI::PositiveNumber);
  app.add_option("--keep", flags.keep, "Nodes that stay while all others go: \"numerals\", or A7.11,M9,…");
  app.add_option("--sample", flags.sample, "With --keep, score only about so many candidates, spread evenly; 0: all")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--engine", flags.engine, "What scores")->check(CLI::IsMember(&circuitd::Engines()));
  app.add_option("--means", flags.means, "Means of ablated MLPs")->check(CLI::IsMember({"seqcont", "clean"}));
  app.add_option("--threshold", flags.threshold, "Points of the score");
  app.add_option("--iterations", flags.iterations, "Backward and forward sweeps")->check(CLI::PositiveNumber);
  app.add_option("--threads", flags.threads, "Threads of a forward pass")->check(CLI::PositiveNumber);
  app.add_option("--memory-budget", flags.memory_budget, "Bytes of activations")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (flags.shape.empty() == flags.model.empty()) {
    std::fprintf(stderr, "node_pruning: one of --shape and --model is needed\n");
    return 2;
  }
  circuitd::SetComputeThreads(flags.threads);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "node_pruning: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
