// Times scores of single edges by whole edge-masked runs and from a kept one, and prints a line of JSON for each
// receiver:
//
//   edge_candidates --shape gpt2 --pairs 8 --tokens 16 --threads 1
//
// The set that loses an edge is what ACDC has when it comes to the receiver: all edges below it, and `--kept` of those
// above. CPU seconds are of one candidate: by whole runs, from a kept run while edges stay, while each goes, and of
// eight side by side.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "bench/prompts.h"
#include "bench/random_model.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_order.h"
#include "server/model/compute_threads.h"

namespace circuitd {
namespace {

struct Flags {
  std::string shape = "gpt2", metric = "logit_diff";
  std::vector<int> layers = {2, 6, 10};
  int pairs = 8, tokens = 16, threads = 1, candidates = 8;
  double kept = 0.05;
};

template <typename T>
T ValueOrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

// All edges into receivers up to `receiver`, and of those into others each with a chance of `kept`.
EdgeSet SetAt(const ModelConfig& config, int receiver, double kept) {
  std::mt19937_64 random(1);
  EdgeSet edges = EdgeSet::All(config);
  for (int above = receiver + 1; above < edges.receiver_count(); ++above) {
    for (int sender = 0; sender < edges.sender_count(); ++sender) {
      const bool stays = static_cast<double>(random() >> 11) < kept * 0x1p53;
      if (!stays && edges.Contains(above, sender)) edges.Set(above, sender, false);
    }
  }
  return edges;
}

class Measurement {
 public:
  explicit Measurement(const Flags& flags) : flags_(flags) {
    SetComputeThreads(flags.threads);
    model_ = RandomModel(ValueOrDie(ShapeNamed(flags.shape)), /*seed=*/1);
    pairs_ = ValueOrDie(RandomPairs(*model_, flags.pairs, flags.tokens, /*seed=*/1));
    EdgeScorerOptions options;
    options.metric = flags.metric == "kl_div" ? Metric::kKlDiv : Metric::kLogitDiff;
    plain_ = ValueOrDie(NewPlainEdgeScorer(*model_, pairs_, options, none_));
    fast_ = ValueOrDie(NewEdgeScorer(*model_, pairs_, options, none_));
  }

  nlohmann::json Receiver(const Node& node) {
    const int receiver = ReceiverRank(model_->config(), node);
    const EdgeSet edges = SetAt(model_->config(), receiver, flags_.kept);
    std::vector<int> senders;
    for (int sender = SendersBelow(model_->config(), node) - 1; sender >= 0; --sender) senders.push_back(sender);
    senders.resize(std::min<size_t>(senders.size(), flags_.candidates));
    const auto count = static_cast<double>(senders.size());
    // The kept run, and what the first run of anything takes.
    ValueOrDie(fast_->Score(edges));
    ValueOrDie(plain_->Score(edges));

    double plain = 0, staying = 0, worst = 0;
    for (const int sender : senders) {
      Stopwatch watch;
      const double expected = ValueOrDie(plain_->ScoreWithout(edges, receiver, {sender}))[0];
      plain += watch.cpu_seconds() / count;
      watch.Restart();
      const double score = ValueOrDie(fast_->ScoreWithout(edges, receiver, {sender}))[0];
      staying += watch.cpu_seconds() / count;
      worst = std::max(worst, std::abs(score - expected));
    }
    Stopwatch watch;
    ValueOrDie(fast_->ScoreWithout(edges, receiver, senders));
    const double together = watch.cpu_seconds() / count;
    EdgeSet fewer = edges;
    fast_->GoOnFrom(edges);
    watch.Restart();
    for (const int sender : senders) {
      ValueOrDie(fast_->ScoreWithout(fewer, receiver, {sender}));
      fewer.Set(receiver, sender, false);
    }
    const double going = watch.cpu_seconds() / count;
    return {{"receiver", NodeName(node)},
            {"kept_above", flags_.kept},
            {"plain", plain},
            {"staying", staying},
            {"going", going},
            {"together", together},
            {"ratio", plain / staying},
            {"ratio_going", plain / going},
            {"ratio_together", plain / together},
            {"worst_difference", worst}};
  }

 private:
  const Flags& flags_;
  const Checkpoint none_;
  std::unique_ptr<Model> model_;
  PromptPairs pairs_;
  std::unique_ptr<EdgeScorer> plain_, fast_;
};

void Measure(const Flags& flags) {
  Measurement measurement(flags);
  for (const int layer : flags.layers) {
    for (const Node& node : {Node::Mlp(layer), Node::Head(layer, 1, Node::Input::kV)}) {
      std::printf("%s\n", measurement.Receiver(node).dump().c_str());
      std::fflush(stdout);
    }
  }
  std::printf("%s\n", measurement.Receiver(Node::Logits()).dump().c_str());
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app("Times scores of single edges.");
  app.add_option("--shape", flags.shape, "of the random model");
  app.add_option("--metric", flags.metric)->check(CLI::IsMember({"logit_diff", "kl_div"}));
  app.add_option("--layers", flags.layers, "of the receivers");
  app.add_option("--pairs", flags.pairs);
  app.add_option("--tokens", flags.tokens, "of each prompt");
  app.add_option("--threads", flags.threads);
  app.add_option("--candidates", flags.candidates, "of each receiver, at most");
  app.add_option("--kept", flags.kept, "share of the edges above the receiver");
  CLI11_PARSE(app, argc, argv);
  circuitd::Measure(flags);
}
