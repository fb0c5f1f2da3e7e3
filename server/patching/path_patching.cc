#include "server/patching/path_patching.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/status.h"
#include "server/graph/edge_order.h"
#include "server/model/gpt2.h"
#include "server/patching/paired_runs.h"
#include "server/patching/patching_count.h"
#include "server/patching/path_receiver.h"
#include "server/patching/sender_changes.h"

namespace circuitd {
namespace {

// The first position at which a clean and a corrupted prompt differ; the longest prompt's length if none does.
int64_t FirstDifference(const PairedRuns& runs) {
  const at::Tensor differs = runs.clean.prompts().tokens.ne(runs.corrupted.prompts().tokens).any(0).cpu();  // [pos]
  const bool* begin = differs.data_ptr<bool>();
  return std::find(begin, begin + differs.numel(), true) - begin;
}

// The ranks of the request's senders, in its order; of a request without, those that `receiver` reads.
std::vector<int> SenderRanks(const ModelConfig& config, const PathPatchingRequest& request, const Node& receiver) {
  std::vector<int> ranks;
  if (request.senders.empty()) {
    ranks.resize(SendersBelow(config, receiver));
    std::iota(ranks.begin(), ranks.end(), 0);
  }
  for (const Node& sender : request.senders) ranks.push_back(SenderRank(config, sender));
  return ranks;
}

// Senders that are patched at the same time, and where that effect stands among the paths of a receiver.
struct Patch {
  std::set<int> senders;  // by rank
  size_t path_index = 0;
};

class PathPatching {
 public:
  PathPatching(const Gpt2& network, const PathPatchingRequest& request, const ForwardOptions& options,
               const PatchingProgress& progress)
      : network_(network),
        config_(network.config()),
        request_(request),
        options_(options),
        count_(PathPatchingRuns(config_, request), request.pairs.size(), progress) {
    result_.clean.resize(request.pairs.size());
    result_.corrupted.resize(request.pairs.size());
    for (const Node& receiver : request.receivers) {
      first_path_.push_back(result_.paths.size());
      for (const Patch& patch : PatchesOf(receiver)) {
        PathEffect path;
        if (!request.senders_together) path.sender = SenderOfRank(config_, *patch.senders.begin());
        path.receiver = receiver;
        path.per_prompt.resize(request.pairs.size());
        result_.paths.push_back(std::move(path));
      }
    }
  }

  static PairedKeeps Keeps() {
    return {{{HookKind::kResidPre, HookKind::kResidMid, HookKind::kQ, HookKind::kK, HookKind::kV, HookKind::kZ,
              HookKind::kMlpOut},
             0},
            {{HookKind::kZ, HookKind::kMlpOut}, 0}};
  }

  // Patched runs in which layers are run again, not only the logits or the last MLP.
  uint64_t RunsOfLayers() const {
    uint64_t runs = 0;
    for (const Node& receiver : request_.receivers) {
      if (request_.freeze == PathFreeze::kHeads || !ReadsLastOnly(config_, receiver))
        runs += PatchesOf(receiver).size();
    }
    return runs;
  }

  // All paths of a micro-batch. When it fails, values that another try overwrites may have been written.
  absl::Status Run(const PairedRuns& runs) {
    count_.Begin();
    std::copy(runs.clean_values.begin(), runs.clean_values.end(), result_.clean.begin() + runs.rows.begin);
    std::copy(runs.corrupted_values.begin(), runs.corrupted_values.end(), result_.corrupted.begin() + runs.rows.begin);
    for (PathEffect& path : result_.paths) {
      std::copy(runs.clean_values.begin(), runs.clean_values.end(), path.per_prompt.begin() + runs.rows.begin);
    }
    const int64_t first = FirstDifference(runs);
    if (first == runs.clean.pos()) {
      count_.Add(result_.paths.size(), runs.clean.batch());
    } else {
      RETURN_IF_ERROR(RunReceivers(runs, {false, first}));
      RETURN_IF_ERROR(RunReceivers(runs, {true, runs.clean.pos() - 1}));
    }
    count_.Commit();
    return absl::OkStatus();
  }

  PathPatchingResult TakeResult() {
    for (PathEffect& path : result_.paths) {
      path.mean = std::accumulate(path.per_prompt.begin(), path.per_prompt.end(), 0.0) /
                  static_cast<double>(path.per_prompt.size());
    }
    return std::move(result_);
  }

 private:
  // In the order of the paths.
  std::vector<Patch> PatchesOf(const Node& receiver) const {
    const std::vector<int> ranks = SenderRanks(config_, request_, receiver);
    if (request_.senders_together) return {{{ranks.begin(), ranks.end()}, 0}};
    std::vector<Patch> patches;
    for (const int rank : ranks) patches.push_back({{rank}, patches.size()});
    return patches;
  }

  // The receivers that read these rows, and all their senders.
  absl::Status RunReceivers(const PairedRuns& runs, const PathRows& rows) {
    std::vector<size_t> receivers;
    for (size_t i = 0; i < request_.receivers.size(); ++i) {
      if (ReadsLastOnly(config_, request_.receivers[i]) == rows.last_only) receivers.push_back(i);
    }
    if (receivers.empty()) return absl::OkStatus();
    const auto below = [this](size_t i) { return SendersBelow(config_, request_.receivers[i]); };
    std::stable_sort(receivers.begin(), receivers.end(), [&](size_t a, size_t b) { return below(a) < below(b); });

    // The highest receiver has the others' senders too, and their paths have the same numbers.
    std::vector<Patch> patches = PatchesOf(request_.receivers[receivers.back()]);
    std::sort(patches.begin(), patches.end(), [](const Patch& a, const Patch& b) { return a.senders < b.senders; });
    absl::Span<const Patch> left = patches;
    for (const size_t count : Split(runs, rows, receivers[0], patches.size())) {
      RETURN_IF_ERROR(RunPatches(runs, rows, receivers, left.first(count)));
      left.remove_prefix(count);
    }
    return absl::OkStatus();
  }

  // How many of the patches go side by side.
  std::vector<size_t> Split(const PairedRuns& runs, const PathRows& rows, size_t lowest_receiver, size_t count) const {
    const Node& lowest = request_.receivers[lowest_receiver];
    int layer = lowest.kind == Node::Kind::kLogits ? config_.n_layers : lowest.layer;
    if (request_.freeze == PathFreeze::kHeads) layer = 0;  // MLPs below it are run too
    const int64_t batch = runs.clean.batch(), pos = runs.clean.pos();
    const std::vector<SuffixSize> sizes(count, {batch, batch * (pos - rows.first)});
    return SplitSuffixes(config_, pos, layer, sizes, runs.limits);
  }

  // `receivers` are in forward order.
  absl::Status RunPatches(const PairedRuns& runs, const PathRows& rows, const std::vector<size_t>& receivers,
                          absl::Span<const Patch> patches) {
    std::vector<std::set<int>> senders;
    for (const Patch& patch : patches) senders.push_back(patch.senders);
    SenderChanges changes(runs.products, runs.clean, runs.corrupted, rows, request_.freeze, senders);
    for (const size_t receiver : receivers) {
      if (options_.checkpoint) RETURN_IF_ERROR(options_.checkpoint());
      changes.AdvanceTo(SendersBelow(config_, request_.receivers[receiver]));
      if (changes.sent() == 0) continue;
      const at::Tensor changed = changes.changed();  // [sent, batch]
      if (changed.any().item<bool>()) {
        const at::Tensor last =
            RunReceiver(runs.products, runs.clean, request_.receivers[receiver], rows, changes.changes());
        RETURN_IF_ERROR(Store(runs, receiver, patches, changed, last));
      }
      count_.Add(changes.sent(), runs.clean.batch());
    }
    return absl::OkStatus();
  }

  // The metric of the prompts in which anything was sent (`changed` [patches, batch]); the others have the clean run's.
  // last [patches, batch, d_model].
  absl::Status Store(const PairedRuns& runs, size_t receiver, absl::Span<const Patch> patches,
                     const at::Tensor& changed, const at::Tensor& last) {
    const at::Tensor copies = changed.flatten().nonzero().flatten();
    std::vector<size_t> rows;
    std::vector<double*> places;
    for (const int64_t copy : absl::MakeConstSpan(copies.data_ptr<int64_t>(), copies.numel())) {
      const size_t row = copy % runs.clean.batch(), patch = copy / runs.clean.batch();
      rows.push_back(row);
      PathEffect& path = result_.paths[first_path_[receiver] + patches[patch].path_index];
      places.push_back(&path.per_prompt[runs.rows.begin + row]);
    }
    const at::Tensor of_copies = last.flatten(0, 1).index_select(0, copies.to(last.device()));
    ASSIGN_OR_RETURN(const auto values, runs.metric.Of(of_copies, rows));
    for (size_t i = 0; i < values.size(); ++i) *places[i] = values[i];
    return absl::OkStatus();
  }

  const Gpt2& network_;
  const ModelConfig& config_;
  const PathPatchingRequest& request_;
  const ForwardOptions& options_;
  PathPatchingResult result_;
  std::vector<size_t> first_path_;  // by receiver
  PatchingCount count_;
};

}  // namespace

absl::StatusOr<PathPatchingResult> RunPathPatching(const Model& model, const PathPatchingRequest& request,
                                                   const ForwardOptions& options, const PatchingProgress& progress) {
  PathPatching patching(model.network(), request, options, progress);
  RETURN_IF_ERROR(ForEachPairedRuns(model.network(), request.pairs, request.metric, PathPatching::Keeps(),
                                    patching.RunsOfLayers(), options,
                                    [&](const PairedRuns& runs) { return patching.Run(runs); }));
  return patching.TakeResult();
}

}  // namespace circuitd
