#include "server/readings/attention.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/index_validation.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"
#include "server/readings/activation_rows.h"
#include "server/readings/attention_keys.h"
#include "server/readings/mean_pattern.h"

namespace circuitd {
namespace {

// Heads as a request chooses them, and where each layer stands in the answer.
struct ChosenHeads {
  std::vector<int> layers, heads;
  std::vector<int> slots;  // by layer; -1: not chosen
  at::Tensor index;        // heads, int64 on the device

  ChosenHeads(const Gpt2& network, const AttentionRequest& request)
      : layers(OrAll(request.layers, network.config().n_layers)),
        heads(OrAll(request.heads, network.config().n_heads)),
        slots(network.config().n_layers, -1) {
    for (size_t slot = 0; slot < layers.size(); ++slot) slots[layers[slot]] = static_cast<int>(slot);
    index = at::tensor(std::vector<int64_t>(heads.begin(), heads.end()), at::kLong).to(network.device());
  }

  // Layers that have to run.
  int end_layer() const { return *std::max_element(layers.begin(), layers.end()) + 1; }
  int64_t count() const { return static_cast<int64_t>(layers.size() * heads.size()); }
};

// A prompt's tensor [layers, heads, query, key] of the reply, filled layer by layer.
class ReplyTensor {
 public:
  ReplyTensor(const ChosenHeads& chosen, int64_t pos) {
    tensor_.shape = {static_cast<int64_t>(chosen.layers.size()), static_cast<int64_t>(chosen.heads.size()), pos, pos};
    tensor_.data.resize(chosen.count() * pos * pos * sizeof(float));
  }

  // layer [heads, query, key] float32
  void Set(int slot, const at::Tensor& layer) {
    const at::Tensor host = layer.cpu().contiguous();
    std::memcpy(tensor_.data.data() + slot * host.nbytes(), host.data_ptr(), host.nbytes());
  }

  HostTensor Take() { return std::move(tensor_); }

 private:
  HostTensor tensor_;
};

// What is read of the chosen heads in one micro-batch.
class AttentionHooks : public Hooks {
 public:
  AttentionHooks(const ChosenHeads& chosen, const AttentionRequest& request, const PaddedPrompts& padded,
                 MicroBatch batch, MeanPattern* mean)
      : chosen_(chosen), batch_(batch), mean_(mean) {
    for (size_t i = batch.begin; i < batch.end; ++i) {
      const int64_t pos = request.prompts[i].size();
      lengths_.push_back(pos);
      keys_.push_back(FindScoredKeys(padded.tokens[i - batch.begin].narrow(0, 0, pos)));
      if (request.patterns) patterns_.emplace_back(chosen, pos);
      if (request.attn_scores) attn_scores_.emplace_back(chosen, pos);
    }
    sums_ = at::zeros({static_cast<int64_t>(lengths_.size()), static_cast<int64_t>(chosen.layers.size()),
                       static_cast<int64_t>(chosen.heads.size()), kHeadKinds},
                      padded.tokens.options().dtype(at::kFloat));
  }

  bool Wants(HookPoint point) const override {
    if (point.kind != HookKind::kPattern && (point.kind != HookKind::kAttnScores || attn_scores_.empty())) return false;
    return chosen_.slots[point.layer] >= 0;
  }

  // value [batch, n_heads, query, key]
  void Visit(HookPoint point, at::Tensor& value) override {
    const int slot = chosen_.slots[point.layer];
    const bool is_pattern = point.kind == HookKind::kPattern;
    for (size_t i = 0; i < lengths_.size(); ++i) {
      const at::Tensor own = value[i].narrow(1, 0, lengths_[i]).narrow(2, 0, lengths_[i]);
      const at::Tensor heads = own.index_select(0, chosen_.index).to(at::kFloat);  // [heads, query, key]
      if (is_pattern) sums_[i][slot].copy_(AttentionOn(heads, keys_[i]));
      std::vector<ReplyTensor>& replies = is_pattern ? patterns_ : attn_scores_;
      if (!replies.empty()) replies[i].Set(slot, heads);
    }
    if (is_pattern && mean_ != nullptr) mean_->Add(batch_, point.layer, slot, value.index_select(1, chosen_.index));
  }

  // The attention on the scored keys, summed over queries: [batch, layers, heads, head kinds].
  at::Tensor Sums() const { return sums_.cpu(); }
  // [batch, head kinds]
  at::Tensor QueryCounts() const {
    std::vector<at::Tensor> counts;
    for (const ScoredKeys& keys : keys_) counts.push_back(keys.queries);
    return at::stack(counts).cpu();
  }
  std::vector<ReplyTensor>& patterns() { return patterns_; }
  std::vector<ReplyTensor>& attn_scores() { return attn_scores_; }

 private:
  const ChosenHeads& chosen_;
  const MicroBatch batch_;
  MeanPattern* const mean_;
  std::vector<int64_t> lengths_;
  std::vector<ScoredKeys> keys_;
  std::vector<ReplyTensor> patterns_, attn_scores_;  // of each prompt, or none
  at::Tensor sums_;
};

class AttentionReading {
 public:
  AttentionReading(const Gpt2& network, const AttentionRequest& request)
      : network_(network), request_(request), chosen_(network, request) {
    totals_ = at::zeros({chosen_.count(), kHeadKinds}, at::kDouble);
    prompt_counts_ = at::zeros({kHeadKinds}, at::kDouble);
    if (request.mean_pattern) {
      mean_.emplace(request.prompts.size(), chosen_.layers.size(), chosen_.heads.size(), request.prompts[0].size());
    }
  }

  // One micro-batch; a failed one may be tried again.
  absl::Status Run(MicroBatch batch) {
    const PaddedPrompts padded = Pad(Rows(request_.prompts, batch), network_.device());
    AttentionHooks hooks(chosen_, request_, padded, batch, mean_ ? &*mean_ : nullptr);
    network_.RunLayers(network_.Embed(padded.tokens), 0, chosen_.end_layer(), &hooks);

    const at::Tensor sums = hooks.Sums(), counts = hooks.QueryCounts().to(at::kDouble);
    std::vector<size_t> prompts(batch.end - batch.begin);
    std::iota(prompts.begin(), prompts.end(), batch.begin);
    RETURN_IF_ERROR(CheckRowsFinite(sums, prompts, "the model's attention patterns"));
    // A prompt without such keys has summed up nothing.
    const at::Tensor scores = sums.flatten(1, 2).to(at::kDouble) / counts.clamp_min(1).unsqueeze(1);
    const at::Tensor totals = totals_ + scores.sum(0);  // [layers * heads, head kinds]
    prompt_counts_ = prompt_counts_ + (counts > 0).sum(0);
    totals_ = totals;
    patterns_ = std::move(hooks.patterns());
    attn_scores_ = std::move(hooks.attn_scores());
    return absl::OkStatus();
  }

  // Gives `sink` the tensors of the prompts that were run last.
  absl::Status Deliver(MicroBatch batch, const TensorSink& sink) {
    for (size_t i = batch.begin; i < batch.end; ++i) {
      const size_t row = i - batch.begin;
      if (request_.patterns) RETURN_IF_ERROR(sink(absl::StrCat("pattern/", i), patterns_[row].Take()));
      if (request_.attn_scores) RETURN_IF_ERROR(sink(absl::StrCat("attn_scores/", i), attn_scores_[row].Take()));
    }
    return absl::OkStatus();
  }

  absl::Status DeliverMean(const TensorSink& sink) {
    return mean_ ? sink("pattern/mean", mean_->TakeMean()) : absl::OkStatus();
  }

  absl::StatusOr<AttentionScores> Scores() const {
    const at::Tensor means = (totals_ / prompt_counts_).t().contiguous();  // [head kinds, layers * heads]; 0 / 0 is NaN
    const auto of_kind = [&](int64_t kind) {
      const double* row = means.data_ptr<double>() + kind * chosen_.count();
      return std::vector<double>(row, row + chosen_.count());
    };
    return AttentionScores{chosen_.layers, chosen_.heads, of_kind(0), of_kind(1), of_kind(2)};
  }

 private:
  const Gpt2& network_;
  const AttentionRequest& request_;
  const ChosenHeads chosen_;
  std::optional<MeanPattern> mean_;
  at::Tensor totals_;                                // [layers * heads, head kinds] float64: prompts' scores added up
  at::Tensor prompt_counts_;                         // [head kinds] float64: prompts that have such keys
  std::vector<ReplyTensor> patterns_, attn_scores_;  // of the last micro-batch
};

MicroBatchLimits Limits(const Gpt2& network, const AttentionRequest& request, int64_t budget_bytes) {
  MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), budget_bytes);
  const auto longest = static_cast<int64_t>(LongestPrompt(request.prompts));
  // For each query and key: a prompt's scored keys, as booleans and float32, and its chosen heads, in float64 too for a
  // mean.
  const int64_t bytes_of_head = sizeof(float) + (request.mean_pattern ? sizeof(double) : 0);
  limits.extra_bytes_per_token = longest * (kHeadKinds * 5 + network.config().n_heads * bytes_of_head);
  return limits;
}

}  // namespace

int64_t AttentionBytes(const ModelConfig& config, const AttentionRequest& request) {
  const auto matrix = [](const std::vector<int>& prompt) { return static_cast<double>(prompt.size()) * prompt.size(); };
  double elements = 0;  // of one head
  for (const auto& prompt : request.prompts) elements += matrix(prompt) * (request.patterns + request.attn_scores);
  const double layers = OrAll(request.layers, config.n_layers).size();
  const double heads = OrAll(request.heads, config.n_heads).size();
  double bytes = layers * heads * elements * sizeof(float);
  // As MeanPattern says: its sums, and one layer more.
  if (request.mean_pattern) bytes += (layers + 1) * heads * matrix(request.prompts[0]) * sizeof(double);
  // Absurd dimensions make more bytes than an int64_t holds.
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  return bytes >= static_cast<double>(kMax) ? kMax : static_cast<int64_t>(bytes);
}

int64_t AttentionRunBytes(const Model& model, const AttentionRequest& request, int64_t memory_budget_bytes) {
  const MicroBatchLimits limits = Limits(model.network(), request, memory_budget_bytes);
  int64_t most = 0;
  for (const MicroBatch batch : SplitIntoMicroBatches(model.config(), request.prompts, limits)) {
    const auto longest = static_cast<int64_t>(LongestPrompt(Rows(request.prompts, batch)));
    most = std::max(most, ActivationBytes(model.config(), batch.end - batch.begin, longest, limits));
  }
  return most;
}

absl::StatusOr<AttentionScores> ReadAttention(const Model& model, const AttentionRequest& request,
                                              const ForwardOptions& options, const TensorSink& sink) {
  const Gpt2& network = model.network();
  std::optional<AttentionReading> reading;
  RETURN_IF_ERROR(InTorch([&] {
    reading.emplace(network, request);
    return absl::OkStatus();
  }));
  const auto batches =
      SplitIntoMicroBatches(model.config(), request.prompts, Limits(network, request, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return reading->Run(batch); }); },
      [&](MicroBatch batch) { return InTorch([&] { return reading->Deliver(batch, sink); }); }));
  RETURN_IF_ERROR(InTorch([&] { return reading->DeliverMean(sink); }));
  return InTorch([&] { return reading->Scores(); });
}

}  // namespace circuitd
