#include "tests/unit/circuit/edges/naive_edges.h"

#include <c10/core/InferenceMode.h>

#include <optional>
#include <random>
#include <utility>

#include "server/circuit/node_ablation.h"
#include "server/graph/edge_order.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/patching/activation_means.h"

namespace circuitd::testing {
namespace {

using Outputs = std::vector<at::Tensor>;  // by a sender's rank: [1, pos, d_model]

// Takes down what senders write; with `edges`, receivers read what these leave them.
class RunHooks : public Hooks {
 public:
  RunHooks(const Gpt2& network, Hooks* ablation) : network_(network), ablation_(ablation) {
    own_.resize(SenderCount(network.config()));
  }
  const Outputs& own() const { return own_; }

  const EdgeSet* edges = nullptr;
  const Outputs* outside = nullptr;
  const std::vector<bool>* fixed = nullptr;
  // A receiver that reads these outputs of senders instead of what they compute.
  int other_receiver = -1;
  Outputs other_outputs;

  bool Wants(HookPoint point) const override {
    switch (point.kind) {
      case HookKind::kResidPre:
      case HookKind::kQInput:
      case HookKind::kKInput:
      case HookKind::kVInput:
      case HookKind::kResult:
      case HookKind::kMlpIn:
      case HookKind::kMlpOut:
      case HookKind::kResidPost:
        return true;
      default:
        return ablation_ != nullptr && ablation_->Wants(point);
    }
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (ablation_ != nullptr && ablation_->Wants(point)) ablation_->Visit(point, value);
    const ModelConfig& config = network_.config();
    if (point.kind == HookKind::kResidPre && point.layer == 0) own_[0] = value.clone();
    if (point.kind == HookKind::kResult) {
      for (int head = 0; head < config.n_heads; ++head) {
        own_[SenderRank(config, Node::Head(point.layer, head))] = value.select(2, head).clone();
      }
    }
    if (point.kind == HookKind::kMlpOut) own_[SenderRank(config, Node::Mlp(point.layer))] = value.clone();
    if (edges == nullptr) return;
    if (point.kind == HookKind::kQInput) SetInputs(point.layer, Node::Input::kQ, value);
    if (point.kind == HookKind::kKInput) SetInputs(point.layer, Node::Input::kK, value);
    if (point.kind == HookKind::kVInput) SetInputs(point.layer, Node::Input::kV, value);
    if (point.kind == HookKind::kMlpIn) value = InputOf(Node::Mlp(point.layer));
    if (point.kind == HookKind::kResidPost && point.layer == config.n_layers - 1) value = InputOf(Node::Logits());
  }

 private:
  void SetInputs(int layer, Node::Input input, at::Tensor& value) {
    value = value.clone();
    for (int head = 0; head < network_.config().n_heads; ++head) {
      value.select(2, head).copy_(InputOf(Node::Head(layer, head, input)));
    }
  }

  at::Tensor InputOf(const Node& receiver) const {
    const ModelConfig& config = network_.config();
    const int rank = ReceiverRank(config, receiver);
    at::Tensor input = at::zeros_like(own_[0]);
    const int layers = receiver.kind == Node::Kind::kLogits ? config.n_layers : receiver.layer + receiver.is_mlp();
    for (int layer = 0; layer < layers; ++layer) input = input + network_.weights().blocks[layer].o_bias;
    for (int sender = 0; sender < SendersBelow(config, receiver); ++sender) {
      const bool in = edges->Contains(rank, sender) && !(*fixed)[sender];
      const Outputs& recomputed = rank == other_receiver ? other_outputs : own_;
      input = input + (in ? recomputed[sender] : (*outside)[sender]);
    }
    return input;
  }

  const Gpt2& network_;
  Hooks* const ablation_;
  Outputs own_;
};

at::Tensor TokensOf(const std::vector<int>& prompt) { return Pad({prompt}, at::kCPU).tokens; }

Outputs OutputsOf(const Gpt2& network, const std::vector<int>& prompt, Hooks* ablation) {
  RunHooks hooks(network, ablation);
  network.Run(TokensOf(prompt), &hooks);
  return hooks.own();
}

}  // namespace

NaiveEdges::NaiveEdges(const Model& model, const PromptPairs& pairs, const EdgeScorerOptions& options)
    : network_(model.network()), options_(options) {
  const c10::InferenceMode guard;
  const ModelConfig& config = network_.config();
  fixed_.assign(SenderCount(config), false);
  std::vector<std::vector<int>> corrupted;
  for (const PromptPair& pair : pairs) corrupted.push_back(pair.corrupted);
  ActivationMeans means;
  std::optional<NodeAblation> ablation;
  if (options.within) {
    const NodeSet& nodes = options.within->nodes;
    for (const Node& node : AllNodes(config)) fixed_[SenderRank(config, node)] = !nodes.contains(node);
    const std::vector<bool> all(config.n_layers, true);
    const std::vector<MicroBatch> batches = MicroBatchesOf(pairs.size(), 1);
    means = *CaptureMeans(network_, corrupted, batches, {all, all}, nullptr, nullptr);
    NodeAblation heads_only(network_, nodes, false, means.z, means.mlp_out);
    if (options.within->means == MlpMeans::kSeqcont) {
      means.mlp_out = CaptureMeans(network_, corrupted, batches, {all, all}, &heads_only, nullptr)->mlp_out;
    }
    ablation.emplace(network_, nodes, true, means.z, means.mlp_out);
  }
  std::vector<Outputs> outputs;
  for (const PromptPair& pair : pairs) {
    outputs.push_back(
        OutputsOf(network_, options.swap_prompts ? pair.clean : pair.corrupted, ablation ? &*ablation : nullptr));
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    PairRun run;
    run.tokens = options.swap_prompts ? pairs[i].corrupted : pairs[i].clean;
    run.answer = {pairs[i].correct, pairs[i].incorrect};
    const PaddedPrompts clean = Pad({pairs[i].clean}, at::kCPU);
    run.clean_logits = LastLogits(network_, network_.Run(clean.tokens), clean);
    run.outside = outputs[i];
    for (size_t sender = 0; sender < run.outside.size(); ++sender) {
      at::Tensor& value = run.outside[sender];
      if (options.ablation == EdgeAblation::kResample) continue;
      value = at::zeros_like(value);
      if (options.ablation == EdgeAblation::kZero) continue;
      for (int64_t pos = 0; pos < value.size(1); ++pos) {
        double count = 0;
        for (const Outputs& other : outputs) {
          if (other[sender].size(1) <= pos) continue;
          value.select(1, pos).add_(other[sender].select(1, pos));
          ++count;
        }
        value.select(1, pos).div_(count);
      }
    }
    model_metric_ += Metric(run, run.clean_logits) / static_cast<double>(pairs.size());
    runs_.push_back(std::move(run));
  }
}

double NaiveEdges::Metric(const PairRun& run, const at::Tensor& logits) const {
  const std::vector<Answer> answers = {run.answer};
  return MetricPerPrompt(options_.metric, logits, run.clean_logits, answers)[0];
}

double NaiveEdges::Mean(const std::function<at::Tensor(const PairRun&)>& logits) const {
  const c10::InferenceMode guard;
  double sum = 0;
  for (const PairRun& run : runs_) sum += Metric(run, logits(run));
  return sum / static_cast<double>(runs_.size());
}

at::Tensor NaiveEdges::Logits(size_t pair, const EdgeSet& edges) const {
  const c10::InferenceMode guard;
  const PairRun& run = runs_[pair];
  RunHooks hooks(network_, nullptr);
  hooks.edges = &edges;
  hooks.outside = &run.outside;
  hooks.fixed = &fixed_;
  return LastLogits(network_, network_.Run(TokensOf(run.tokens), &hooks), Pad({run.tokens}, at::kCPU));
}

absl::StatusOr<double> NaiveEdges::Score(const EdgeSet& edges) {
  return Mean([&](const PairRun& run) { return Logits(&run - runs_.data(), edges); });
}

absl::StatusOr<std::vector<double>> NaiveEdges::ScoreWithout(const EdgeSet& edges, int receiver,
                                                             absl::Span<const int> senders, PathFreeze freeze) {
  std::vector<double> scores;
  for (const int sender : senders) {
    scores.push_back(Mean([&](const PairRun& run) {
      RunHooks base(network_, nullptr);
      base.edges = &edges;
      base.outside = &run.outside;
      base.fixed = &fixed_;
      network_.Run(TokensOf(run.tokens), &base);
      Outputs outputs = base.own();
      outputs[sender] = run.outside[sender];
      for (int layer = 0; layer < network_.config().n_layers && freeze == PathFreeze::kHeads; ++layer) {
        const int mlp = SenderRank(network_.config(), Node::Mlp(layer));
        if (mlp <= sender || fixed_[mlp]) continue;
        // The MLP of a run in which it reads the outputs so far.
        RunHooks passing(network_, nullptr);
        passing.edges = &edges;
        passing.outside = &run.outside;
        passing.fixed = &fixed_;
        passing.other_receiver = ReceiverRank(network_.config(), Node::Mlp(layer));
        passing.other_outputs = outputs;
        network_.Run(TokensOf(run.tokens), &passing);
        outputs[mlp] = passing.own()[mlp];
      }
      RunHooks hooks(network_, nullptr);
      hooks.edges = &edges;
      hooks.outside = &run.outside;
      hooks.fixed = &fixed_;
      hooks.other_receiver = receiver;
      hooks.other_outputs = outputs;
      return LastLogits(network_, network_.Run(TokensOf(run.tokens), &hooks), Pad({run.tokens}, at::kCPU));
    }));
  }
  return scores;
}

EdgeSet RandomEdges(const ModelConfig& config, uint64_t seed, double share, const NodeSet& nodes) {
  std::mt19937_64 random(seed);
  EdgeSet edges(config);
  for (const Edge& edge : EdgeSet::LeavingOnly(config, nodes).Edges()) {
    const bool in = static_cast<double>(random() >> 11) < share * 0x1p53;
    if (in) edges.Set(edge, true);
  }
  return edges;
}

}  // namespace circuitd::testing
