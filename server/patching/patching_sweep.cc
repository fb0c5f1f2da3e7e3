#include "server/patching/patching_sweep.h"

#include <algorithm>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/patching/paired_runs.h"
#include "server/patching/patching_count.h"
#include "server/patching/sweep_grids.h"
#include "server/patching/sweep_patches.h"

namespace circuitd {
namespace {

class Sweep {
 public:
  Sweep(const Gpt2& network, const SweepRequest& request, const ForwardOptions& options,
        const PatchingProgress& progress)
      : network_(network),
        request_(request),
        options_(options),
        result_(EmptySweepResult(network.config(), request)),
        count_(SweepRuns(network.config(), request), request.pairs.size(), progress) {}

  // What is kept of the run that is patched, and of the one whose activations are taken.
  PairedKeeps Keeps() const {
    const auto& layers = result_.grids[0].layers;
    const int first_layer = *std::min_element(layers.begin(), layers.end());
    const KeptHooks base = BaseHooks(request_.hooks, first_layer), source = SourceHooks(request_.hooks, first_layer);
    return denoising() ? PairedKeeps{source, base} : PairedKeeps{base, source};
  }

  // All patches of a micro-batch. When it fails, values that another try overwrites may have been written.
  absl::Status Run(const PairedRuns& runs) {
    count_.Begin();
    std::copy(runs.clean_values.begin(), runs.clean_values.end(), result_.clean.begin() + runs.rows.begin);
    std::copy(runs.corrupted_values.begin(), runs.corrupted_values.end(), result_.corrupted.begin() + runs.rows.begin);
    for (SweepGrid& grid : result_.grids) {
      for (size_t layer = 0; layer < grid.layers.size(); ++layer) RETURN_IF_ERROR(RunLayer(runs, grid, layer));
    }
    count_.Commit();
    return absl::OkStatus();
  }

  SweepResult TakeResult() {
    FillMeans(request_, result_);
    return std::move(result_);
  }

 private:
  bool denoising() const { return request_.direction == PatchingDirection::kDenoising; }

  absl::Status RunLayer(const PairedRuns& runs, SweepGrid& grid, size_t layer_index) {
    const BaseRun& base = denoising() ? runs.corrupted : runs.clean;
    const BaseRun& source = denoising() ? runs.clean : runs.corrupted;
    const auto all = PatchesAt(runs.products, {grid.hook, grid.layers[layer_index]}, grid.columns, base, source);
    SetUnpatched(runs, grid, layer_index);
    count_.Add(1, grid.columns.size() * base.batch() - all->copies().size());

    std::vector<SuffixSize> sizes;
    for (const PatchedCopy& copy : all->copies()) sizes.push_back({1, base.pos() - copy.first});
    absl::Span<const PatchedCopy> left = all->copies();
    for (const size_t count : SplitSuffixes(network_.config(), base.pos(), all->layer(), sizes, runs.limits)) {
      if (options_.checkpoint) RETURN_IF_ERROR(options_.checkpoint());
      const auto copies = left.first(count);
      const at::Tensor last = RunSuffix(runs.products, base, all->layer(), all->start(), Segments(*all, copies));
      std::vector<size_t> rows;
      for (const PatchedCopy& copy : copies) rows.push_back(copy.row);
      ASSIGN_OR_RETURN(const auto values, runs.metric.Of(last, rows));
      for (size_t i = 0; i < count; ++i) {
        Value(runs, grid, layer_index, copies[i].column_index, copies[i].row) = values[i];
      }
      count_.Add(1, count);
      left.remove_prefix(count);
    }
    return absl::OkStatus();
  }

  static std::vector<SuffixSegment> Segments(const SweepPatches& all, absl::Span<const PatchedCopy> copies) {
    std::vector<SuffixSegment> segments;
    while (!copies.empty()) {
      size_t count = 1;
      while (count < copies.size() && copies[count].first == copies[0].first) ++count;
      segments.push_back(all.Segment(copies.first(count)));
      copies.remove_prefix(count);
    }
    return segments;
  }

  // What a patch that changes nothing has: the unpatched run's metric.
  void SetUnpatched(const PairedRuns& runs, SweepGrid& grid, size_t layer_index) {
    const std::vector<double>& unpatched = denoising() ? runs.corrupted_values : runs.clean_values;
    for (size_t column = 0; column < grid.columns.size(); ++column) {
      for (size_t row = 0; row < unpatched.size(); ++row) {
        if (!HasColumn(request_, grid.hook, grid.columns[column], runs.rows.begin + row)) continue;
        Value(runs, grid, layer_index, column, row) = unpatched[row];
      }
    }
  }

  double& Value(const PairedRuns& runs, SweepGrid& grid, size_t layer_index, size_t column, size_t row) const {
    return grid.per_prompt[ValueIndex(grid, layer_index, column, runs.rows.begin + row, request_.pairs.size())];
  }

  const Gpt2& network_;
  const SweepRequest& request_;
  const ForwardOptions& options_;
  SweepResult result_;
  PatchingCount count_;
};

}  // namespace

absl::StatusOr<SweepResult> RunSweep(const Model& model, const SweepRequest& request, const ForwardOptions& options,
                                     const PatchingProgress& progress) {
  Sweep sweep(model.network(), request, options, progress);
  RETURN_IF_ERROR(ForEachPairedRuns(model.network(), request.pairs, request.metric, sweep.Keeps(),
                                    SweepRuns(model.config(), request), options,
                                    [&](const PairedRuns& runs) { return sweep.Run(runs); }));
  return sweep.TakeResult();
}

}  // namespace circuitd
