#include "server/readings/head_details_reading.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"
#include "server/readings/attention.h"
#include "server/readings/detailed_heads.h"
#include "server/readings/extended_embedding.h"
#include "server/readings/ov_circuit.h"

namespace circuitd {
namespace {

constexpr size_t kReadPositions = 3;
constexpr int kWrittenTokens = 5;

// Means take half of the memory at most, runs the other half.
int64_t HalfOf(int64_t memory_budget_bytes) { return std::max<int64_t>(1, memory_budget_bytes / 2); }

// Heads, by layer and head, in runs whose means fit in memory together. Requests without prompts.
std::vector<AttentionRequest> SplitIntoRuns(const ModelConfig& config, const std::vector<Node>& heads,
                                            const std::vector<int>& prompt, int64_t memory_budget_bytes) {
  std::vector<AttentionRequest> runs;
  AttentionRequest run;
  run.mean_pattern = true;
  const auto finish = [&] {
    AttentionRequest& finished = runs.emplace_back(run);
    finished.prompts.clear();
  };
  for (size_t i = 0; i < heads.size();) {
    const int layer = heads[i].layer;
    std::set<int> of_run(run.heads.begin(), run.heads.end());
    std::vector<int> of_layer;
    for (; i < heads.size() && heads[i].layer == layer; ++i) of_layer.push_back(heads[i].head);
    of_run.insert(of_layer.begin(), of_layer.end());
    AttentionRequest longer = run;
    longer.prompts = {prompt};
    longer.layers.push_back(layer);
    longer.heads.assign(of_run.begin(), of_run.end());
    if (!run.layers.empty() && AttentionBytes(config, longer) > HalfOf(memory_budget_bytes)) {
      finish();
      longer.layers = {layer};
      longer.heads = of_layer;
    }
    run = std::move(longer);
  }
  finish();
  return runs;
}

// What is to be run: patterns by groups of layers, all of the same prompts.
struct PatternRuns {
  std::vector<std::vector<int>> prompts;
  std::vector<AttentionRequest> requests;
};

PatternRuns PlanPatterns(const ModelConfig& config, const PromptPairs& pairs, const std::vector<Node>& heads,
                         int64_t memory_budget_bytes) {
  PatternRuns runs{PromptsOfCommonLength(pairs, kMostPatternPrompts), {}};
  runs.requests = SplitIntoRuns(config, heads, runs.prompts.front(), memory_budget_bytes);
  const size_t most = std::max<size_t>(1, kMostPatternPrompts / runs.requests.size());
  runs.prompts.resize(std::min(runs.prompts.size(), most));
  for (AttentionRequest& request : runs.requests) request.prompts = runs.prompts;
  return runs;
}

std::string TokenText(const Model& model, int token) {
  std::string text = model.tokenizer() == nullptr ? "" : model.tokenizer()->TokenBytes(token);
  return text.empty() ? absl::StrCat(token) : text;
}

class HeadDetailsReading {
 public:
  HeadDetailsReading(const Model& model, const PromptPairs& pairs, const NodeSet& nodes, const ForwardOptions& options)
      : model_(model), network_(model.network()), options_(options) {
    options_.memory_budget_bytes = HalfOf(options.memory_budget_bytes);
    const std::vector<Node> heads = ChooseHeads(model.config(), nodes, kMostDetailedHeads);
    runs_ = PlanPatterns(model.config(), pairs, heads, options.memory_budget_bytes);
    details_.prompt_count = static_cast<int64_t>(runs_.prompts.size());
    details_.positions_per_cell = PositionsPerCell(first().size());
    for (const int token : first()) details_.tokens.push_back(TokenText(model, token));
    for (const Node& head : heads) details_.heads.push_back({head.layer, head.head, {}, {}});
  }

  absl::StatusOr<HeadDetails> Run() {
    for (const AttentionRequest& request : runs_.requests) RETURN_IF_ERROR(ReadPatterns(request));
    RETURN_IF_ERROR(ReadEmbedding());
    RETURN_IF_ERROR(InTorch([&] {
      Write();
      return absl::OkStatus();
    }));
    RETURN_IF_ERROR(ReadWritten());
    return std::move(details_);
  }

 private:
  const std::vector<int>& first() const { return runs_.prompts.front(); }

  absl::Status ReadPatterns(const AttentionRequest& request) {
    const TensorSink sink = [&](const std::string&, const HostTensor& mean) {
      TakePatterns(request, reinterpret_cast<const float*>(mean.data.data()));
      return absl::OkStatus();
    };
    return ReadAttention(model_, request, options_, sink).status();
  }

  // means [layers, heads, query, key] of the request
  void TakePatterns(const AttentionRequest& request, const float* means) {
    const size_t pos = first().size();
    for (HeadDetail& detail : details_.heads) {
      const auto layer = std::find(request.layers.begin(), request.layers.end(), detail.layer);
      if (layer == request.layers.end()) continue;
      const auto head = std::find(request.heads.begin(), request.heads.end(), detail.head);
      const size_t slot = (layer - request.layers.begin()) * request.heads.size() + (head - request.heads.begin());
      const absl::Span<const float> mean(means + slot * pos * pos, pos * pos);
      detail.pattern = MergeIntoCells(mean, pos, details_.positions_per_cell);
      for (const int position : MostAttended(mean, first(), kReadPositions)) detail.writes.push_back({position, {}});
    }
  }

  // What heads read at each position of the first prompt.
  absl::Status ReadEmbedding() {
    std::vector<PromptPosition> positions;
    for (size_t i = 0; i < first().size(); ++i) positions.push_back({0, static_cast<int>(i)});
    return ForEachMicroBatch({{0, 1}}, options_.checkpoint, [&](MicroBatch batch) {
      return InTorch([&]() -> absl::Status {
        ASSIGN_OR_RETURN(read_, ExtendedEmbedding(network_, runs_.prompts, batch, positions));
        return absl::OkStatus();
      });
    });
  }

  // What all heads write from all their positions: a row each, in the order of details_.
  void Write() {
    std::vector<at::Tensor> written;
    for (size_t begin = 0, end = 0; begin < details_.heads.size(); begin = end) {
      const int layer = details_.heads[begin].layer;
      std::vector<int64_t> positions, heads;
      for (end = begin; end < details_.heads.size() && details_.heads[end].layer == layer; ++end) {
        for (const HeadDetail::Writes& writes : details_.heads[end].writes) {
          positions.push_back(writes.position);
          heads.push_back(details_.heads[end].head);
        }
      }
      const auto rows = static_cast<int64_t>(positions.size());
      const auto index = [&](const std::vector<int64_t>& of) { return at::tensor(of, at::kLong).to(read_.device()); };
      const at::Tensor all_heads = OvWritten(network_, layer, read_.index_select(0, index(positions)));
      written.push_back(all_heads.index({at::arange(rows, index(heads).options()), index(heads)}));
    }
    written_ = at::cat(written);
  }

  // The tokens that this says.
  absl::Status ReadWritten() {
    std::vector<HeadDetail::Writes*> rows;
    for (HeadDetail& detail : details_.heads) {
      for (HeadDetail::Writes& writes : detail.writes) rows.push_back(&writes);
    }
    const std::vector<size_t> prompts(rows.size(), 0);
    LogitsSelection selection;
    selection.top_k = std::min(kWrittenTokens, model_.config().d_vocab);
    const int64_t at_once = OvRowsAtOnce(network_, options_.memory_budget_bytes);
    return ForEachMicroBatch(MicroBatchesOf(rows.size(), at_once), options_.checkpoint, [&](MicroBatch batch) {
      return InTorch([&]() -> absl::Status {
        ASSIGN_OR_RETURN(const at::Tensor logits,
                         OvLogits(network_, written_.slice(0, batch.begin, batch.end), Rows(prompts, batch)));
        ASSIGN_OR_RETURN(const auto tops, ReadLogits(logits.cpu().contiguous(), selection, Rows(prompts, batch)));
        for (size_t i = batch.begin; i < batch.end; ++i) {
          for (const TokenLogit& top : tops[i - batch.begin].top) {
            rows[i]->tokens.push_back(TokenText(model_, top.token));
          }
        }
        return absl::OkStatus();
      });
    });
  }

  const Model& model_;
  const Gpt2& network_;
  ForwardOptions options_;  // with the runs' half of the memory
  PatternRuns runs_;
  HeadDetails details_;
  at::Tensor read_;     // [pos, d_model]
  at::Tensor written_;  // [rows, d_model]
};

}  // namespace

absl::StatusOr<HeadDetails> ReadHeadDetails(const Model& model, const PromptPairs& pairs, const NodeSet& nodes,
                                            const ForwardOptions& options) {
  return HeadDetailsReading(model, pairs, nodes, options).Run();
}

int64_t HeadDetailsBytes(const Model& model, const PromptPairs& pairs, int64_t memory_budget_bytes) {
  const ModelConfig& config = model.config();
  const int64_t half = HalfOf(memory_budget_bytes);
  const int64_t heads = std::min<int64_t>(kMostDetailedHeads, int64_t{config.n_layers} * config.n_heads);
  const int64_t rows = std::min<int64_t>(OvRowsAtOnce(model.network(), half), heads * kReadPositions);
  AttentionRequest request;
  request.prompts = PromptsOfCommonLength(pairs, kMostPatternPrompts);
  request.mean_pattern = true;
  const int64_t of_run = AttentionRunBytes(model, request, half);
  const int64_t of_all_layers = AttentionBytes(config, request);
  request.layers = {0};
  // A layer is run whether or not its means fit.
  const int64_t means = std::min(of_all_layers, std::max(half, AttentionBytes(config, request)));
  return std::max(means + of_run, OvLogitsBytes(config, rows));
}

}  // namespace circuitd
