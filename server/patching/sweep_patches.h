// The patches of a sweep at one hook point of a micro-batch: which of them change anything, and how they go on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/model/layer_products.h"
#include "server/patching/base_run.h"
#include "server/patching/suffix_run.h"

namespace circuitd {

// A prompt in which a column's patch changes something.
struct PatchedCopy {
  size_t column_index = 0;
  size_t row = 0;     // of the prompt
  int64_t first = 0;  // the first position at which it changes anything
};

class SweepPatches {
 public:
  virtual ~SweepPatches() = default;

  // Where runs go on: see RunSuffix.
  virtual int layer() const = 0;
  virtual SuffixStart start() const = 0;

  // By `first`, then by column.
  const std::vector<PatchedCopy>& copies() const { return copies_; }
  // The residual streams of some of them, one after the other there and all of the same `first`.
  virtual SuffixSegment Segment(absl::Span<const PatchedCopy> copies) const = 0;

 protected:
  std::vector<PatchedCopy> copies_;
};

// Of columns as in SweepGrid; activations of `source` go into `base`, runs over the same micro-batch that kept what
// BaseHooks and SourceHooks say. These have to outlive the result. Throws torch's exceptions.
std::unique_ptr<SweepPatches> PatchesAt(const LayerProducts& products, HookPoint hook, const std::vector<int>& columns,
                                        const BaseRun& base, const BaseRun& source);

KeptHooks BaseHooks(absl::Span<const HookKind> hooks, int first_layer);
KeptHooks SourceHooks(absl::Span<const HookKind> hooks, int first_layer);

}  // namespace circuitd
