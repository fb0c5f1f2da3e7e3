// The patches of a sweep at one hook point of a micro-batch: which of them change anything, and how they go on.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/model/gpt2.h"
#include "server/patching/base_run.h"
#include "server/patching/suffix_run.h"

namespace circuitd {

// One column's.
struct ColumnPatch {
  size_t column_index = 0;
  int64_t first = 0;            // the first position at which it changes anything in any prompt
  std::vector<size_t> changed;  // the prompts in which it does, by row; not empty
};

class SweepPatches {
 public:
  virtual ~SweepPatches() = default;

  // Where runs go on: see RunSuffix.
  virtual int layer() const = 0;
  virtual SuffixStart start() const = 0;

  // Those that change anything, by `first`.
  const std::vector<ColumnPatch>& patches() const { return patches_; }
  // The residual streams of some of them, all of the same `first`.
  virtual SuffixSegment Segment(absl::Span<const ColumnPatch> patches) const = 0;

 protected:
  std::vector<ColumnPatch> patches_;
};

// Of columns as in SweepGrid; activations of `source` go into `base`, runs over the same micro-batch that kept what
// BaseHooks and SourceHooks say. These have to outlive the result. Throws torch's exceptions.
std::unique_ptr<SweepPatches> PatchesAt(const Gpt2& network, HookPoint hook, const std::vector<int>& columns,
                                        const BaseRun& base, const BaseRun& source);

KeptHooks BaseHooks(absl::Span<const HookKind> hooks, int first_layer);
KeptHooks SourceHooks(absl::Span<const HookKind> hooks, int first_layer);

}  // namespace circuitd
