// The slices of one hook point in one prompt that interventions have taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/model/config.h"
#include "server/patching/intervention.h"
#include "server/patching/intervention_selection.h"

namespace circuitd {

// What an intervention takes whole or not at all; -1 where the hook point has no such axis.
struct Slice {
  int head = -1;
  int position = -1;  // of attention: the query
  int key = -1;
};

// ", head 1, position 3", or of attention ", head 1, query 3, key 2".
std::string SliceName(const Slice& slice);

// Whether `intervention`, which chose `chosen`, takes the slice.
bool Takes(const Intervention& intervention, const ChosenPositions& chosen, const Slice& slice);

// A bit for each slice, so that whole rows are compared at once.
class SliceSet {
 public:
  SliceSet(const ModelConfig& config, HookKind kind, size_t prompt_length);

  // Words of bits in all, and those that Take looks at at most.
  int64_t size() const { return static_cast<int64_t>(taken_.size()); }
  int64_t TakingSteps(const Intervention& intervention, const ChosenPositions& chosen) const;

  // Takes an intervention's slices, those of keys after their query excepted. The first that was taken already, if any.
  std::optional<Slice> Take(const Intervention& intervention, const ChosenPositions& chosen);

 private:
  // Takes `columns`, those below `end`, of a row; the first column that was taken already, or -1.
  int TakeRow(size_t row, const std::vector<uint64_t>& columns, size_t end);

  const ModelConfig& config_;
  const HookAxes axes_;
  const size_t length_;
  const size_t words_;           // of a row
  std::vector<uint64_t> taken_;  // rows: heads, or of attention heads x queries; columns: positions or keys
};

}  // namespace circuitd
