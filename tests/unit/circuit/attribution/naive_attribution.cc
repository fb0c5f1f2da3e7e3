#include "tests/unit/circuit/attribution/naive_attribution.h"

#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "server/graph/edge_order.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd::testing {
namespace {

using Outputs = std::map<Node, at::Tensor>;

at::Tensor Tokens(const std::vector<int>& prompt) { return at::tensor(prompt, at::kLong).unsqueeze(0); }

class OutputHooks : public Hooks {
 public:
  bool Wants(HookPoint point) const override {
    return point.kind == HookKind::kResult || point.kind == HookKind::kMlpOut;
  }
  void Visit(HookPoint point, at::Tensor& value) override {
    if (point.kind == HookKind::kMlpOut) {
      outputs[Node::Mlp(point.layer)] = value[0].clone();
      return;
    }
    for (int head = 0; head < value.size(2); ++head) {
      outputs[Node::Head(point.layer, head)] = value[0].select(1, head).clone();
    }
  }

  Outputs outputs;
};

// Adds to each receiver's input a 0 that a gradient is taken at; replaces the outputs of some senders.
class LeafHooks : public Hooks {
 public:
  LeafHooks(const ModelConfig& config, const Outputs& replaced) : config_(config), replaced_(replaced) {}

  bool Wants(HookPoint point) const override {
    switch (point.kind) {
      case HookKind::kQInput:
      case HookKind::kKInput:
      case HookKind::kVInput:
      case HookKind::kMlpIn:
        return true;
      case HookKind::kAttnOut:
        return replaced_.contains(Node::Head(point.layer, 0));
      default:
        return point.kind == HookKind::kMlpOut && replaced_.contains(Node::Mlp(point.layer));
    }
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (point.kind == HookKind::kMlpOut) {
      value = replaced_.at(Node::Mlp(point.layer)).unsqueeze(0);
    } else if (point.kind == HookKind::kAttnOut) {
      // All heads of the layer, and nobody's bias.
      value = bias[point.layer].expand_as(value);
      for (int head = 0; head < config_.n_heads; ++head) value = value + replaced_.at(Node::Head(point.layer, head));
    } else if (point.kind == HookKind::kMlpIn) {
      value = value + Leaf(Node::Mlp(point.layer), value);
    } else {
      const Node::Input input = point.kind == HookKind::kQInput   ? Node::Input::kQ
                                : point.kind == HookKind::kKInput ? Node::Input::kK
                                                                  : Node::Input::kV;
      std::vector<at::Tensor> of_heads;
      for (int head = 0; head < config_.n_heads; ++head) {
        const at::Tensor own = value.select(2, head);
        of_heads.push_back(own + Leaf(Node::Head(point.layer, head, input), own));
      }
      value = at::stack(of_heads, 2);
    }
  }

  at::Tensor Leaf(const Node& receiver, const at::Tensor& like) {
    leaves[receiver] = at::zeros(like.sizes(), like.options()).set_requires_grad(true);
    return leaves[receiver];
  }

  std::map<Node, at::Tensor> leaves;
  std::vector<at::Tensor> bias;  // of each layer's attention

 private:
  const ModelConfig& config_;
  const Outputs& replaced_;
};

class Naive {
 public:
  Naive(const Model& model, const PromptPairs& pairs, const AttributionOptions& options)
      : network_(model.network()), config_(model.config()), pairs_(pairs), options_(options), scores_(config_) {
    for (const PromptPair& pair : pairs) corrupted_.push_back(NaiveOutputs(network_, pair.corrupted));
  }

  EdgeScores Run() {
    for (size_t i = 0; i < pairs_.size(); ++i) RunPair(pairs_[i]);
    return scores_;
  }

 private:
  void RunPair(const PromptPair& pair) {
    const Outputs clean = NaiveOutputs(network_, pair.clean), outside = Outside(pair);
    const auto between = [&](const Node& sender, double fraction) {
      return outside.at(sender) + fraction * (clean.at(sender) - outside.at(sender));
    };
    std::vector<Outputs> runs;
    const int m = options_.steps;
    if (options_.method == AttributionMethod::kEap) runs.push_back({});
    if (options_.method == AttributionMethod::kEapIgInputs) {
      for (int k = 0; k < m; ++k) runs.push_back({{Node::Embed(), between(Node::Embed(), double(k) / m)}});
    }
    if (options_.method == AttributionMethod::kEapIgActivations) {
      std::vector<std::vector<Node>> groups = {{Node::Embed()}};
      for (int layer = 0; layer < config_.n_layers; ++layer) {
        groups.emplace_back();
        for (int head = 0; head < config_.n_heads; ++head) groups.back().push_back(Node::Head(layer, head));
        groups.push_back({Node::Mlp(layer)});
      }
      for (const auto& group : groups) {
        for (int k = 1; k <= m; ++k) {
          runs.emplace_back();
          for (const Node& sender : group) runs.back()[sender] = between(sender, double(k) / m);
        }
      }
    }
    for (const Outputs& replaced : runs) {
      const std::map<Node, at::Tensor> gradients = Gradients(pair, replaced);
      for (const Edge& edge : EdgeSet::All(config_).Edges()) {
        const at::Tensor& gradient = gradients.at(edge.receiver);
        if (!gradient.defined()) continue;
        const double effect = ((outside.at(edge.sender) - clean.at(edge.sender)) * gradient[0]).sum().item<double>();
        const int receiver = ReceiverRank(config_, edge.receiver), sender = SenderRank(config_, edge.sender);
        scores_.Set(receiver, sender,
                    scores_.At(receiver, sender) + effect / static_cast<double>(runs.size() * pairs_.size()));
      }
    }
  }

  std::map<Node, at::Tensor> Gradients(const PromptPair& pair, const Outputs& replaced) const {
    LeafHooks hooks(config_, replaced);
    for (const BlockWeights& block : network_.weights().blocks) hooks.bias.push_back(block.o_bias);
    at::Tensor embedding = network_.Embed(Tokens(pair.clean));
    if (replaced.contains(Node::Embed())) embedding = replaced.at(Node::Embed()).unsqueeze(0);
    at::Tensor residual = network_.RunLayers(embedding, 0, config_.n_layers, &hooks);
    residual = residual + hooks.Leaf(Node::Logits(), residual);
    const at::Tensor logits = network_.Unembed(residual)[0][-1];
    const at::Tensor clean = network_.Unembed(network_.Run(Tokens(pair.clean)))[0][-1];
    std::vector<at::Tensor> leaves;
    for (const auto& [receiver, leaf] : hooks.leaves) leaves.push_back(leaf);
    const auto gradients =
        torch::autograd::grad({NaiveLoss(options_.runs.metric, logits, clean, pair)}, leaves, {}, false, false, true);
    std::map<Node, at::Tensor> result;
    size_t i = 0;
    for (const auto& [receiver, leaf] : hooks.leaves) result[receiver] = gradients[i++];
    return result;
  }

  Outputs Outside(const PromptPair& pair) const {
    const Outputs corrupted = NaiveOutputs(network_, pair.corrupted);
    if (options_.runs.ablation == EdgeAblation::kResample) return corrupted;
    Outputs outside;
    for (const auto& [sender, output] : corrupted) {
      outside[sender] = at::zeros_like(output);
      if (options_.runs.ablation == EdgeAblation::kZero) continue;
      for (int64_t position = 0; position < output.size(0); ++position) {
        at::Tensor sum = at::zeros_like(output[0]);
        int count = 0;
        for (const Outputs& other : corrupted_) {
          if (other.at(sender).size(0) <= position) continue;
          sum += other.at(sender)[position];
          ++count;
        }
        outside[sender][position] = sum / count;
      }
    }
    return outside;
  }

  const Gpt2& network_;
  const ModelConfig& config_;
  const PromptPairs& pairs_;
  const AttributionOptions& options_;
  EdgeScores scores_;
  std::vector<Outputs> corrupted_;  // of each pair
};

}  // namespace

std::unique_ptr<Model> TinyModelIn(at::ScalarType dtype, uint64_t seed) {
  const ModelConfig config = TinyConfig();
  Gpt2Weights weights = RandomWeights(config, seed);
  const auto convert = [&](at::Tensor& weight) { weight = weight.to(dtype); };
  for (BlockWeights& b : weights.blocks) {
    for (at::Tensor* weight : {&b.ln1_weight, &b.ln1_bias, &b.attn_weight, &b.attn_bias, &b.o_weight, &b.o_bias,
                               &b.ln2_weight, &b.ln2_bias, &b.in_weight, &b.in_bias, &b.out_weight, &b.out_bias}) {
      convert(*weight);
    }
  }
  for (at::Tensor* weight :
       {&weights.embed, &weights.pos_embed, &weights.ln_final_weight, &weights.ln_final_bias, &weights.unembed}) {
    convert(*weight);
  }
  const DType named = dtype == at::kHalf       ? DType::kFloat16
                      : dtype == at::kBFloat16 ? DType::kBFloat16
                                               : DType::kFloat32;
  return std::make_unique<Model>("tiny", config, nullptr, std::make_unique<Gpt2>(config, std::move(weights)), nullptr,
                                 "cpu", named);
}

at::Tensor NaiveLoss(Metric metric, const at::Tensor& logits, const at::Tensor& clean, const PromptPair& pair) {
  const at::Tensor probabilities = logits.to(at::kDouble).softmax(-1);
  const auto sum = [](const at::Tensor& values, const std::vector<int>& tokens) {
    at::Tensor result = at::zeros({}, at::kDouble);
    for (const int token : tokens) result = result + values[token];
    return result;
  };
  switch (metric) {
    case Metric::kLogitDiff:
      return sum(logits, pair.incorrect) / static_cast<double>(pair.incorrect.size()) -
             sum(logits, pair.correct) / static_cast<double>(pair.correct.size());
    case Metric::kProbDiff:
      return sum(probabilities, pair.incorrect) - sum(probabilities, pair.correct);
    case Metric::kNll:
      return -sum(probabilities, pair.correct).log();
    default: {
      const at::Tensor expected = clean.to(at::kDouble).softmax(-1);
      return (expected * (expected.log() - probabilities.log())).sum();
    }
  }
}

std::map<Node, at::Tensor> NaiveOutputs(const Gpt2& network, const std::vector<int>& prompt) {
  OutputHooks hooks;
  const at::Tensor embed = network.Embed(Tokens(prompt));
  network.RunLayers(embed, 0, network.config().n_layers, &hooks);
  hooks.outputs[Node::Embed()] = embed[0];
  return hooks.outputs;
}

EdgeScores NaiveAttribution(const Model& model, const PromptPairs& pairs, const AttributionOptions& options) {
  return Naive(model, pairs, options).Run();
}

}  // namespace circuitd::testing
