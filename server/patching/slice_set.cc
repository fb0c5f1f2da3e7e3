#include "server/patching/slice_set.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

constexpr size_t kBits = 64;

size_t RowCount(const ModelConfig& config, HookAxes axes, size_t length) {
  if (axes == HookAxes::kPos) return 1;
  return axes == HookAxes::kPosHeads ? config.n_heads : config.n_heads * length;
}

}  // namespace

std::string SliceName(const Slice& slice) {
  const std::string head = slice.head < 0 ? "" : absl::StrCat(", head ", slice.head);
  if (slice.key < 0) return absl::StrCat(head, ", position ", slice.position);
  return absl::StrCat(head, ", query ", slice.position, ", key ", slice.key);
}

bool Takes(const Intervention& intervention, const ChosenPositions& chosen, const Slice& slice) {
  const auto& heads = intervention.heads;
  const bool head = slice.head < 0 || heads.empty() || std::find(heads.begin(), heads.end(), slice.head) != heads.end();
  const bool key = slice.key < 0 || std::binary_search(chosen.keys.begin(), chosen.keys.end(), slice.key);
  return head && key && std::binary_search(chosen.positions.begin(), chosen.positions.end(), slice.position);
}

SliceSet::SliceSet(const ModelConfig& config, HookKind kind, size_t prompt_length)
    : config_(config),
      axes_(AxesOf(kind)),
      length_(prompt_length),
      words_((prompt_length + kBits - 1) / kBits),
      taken_(RowCount(config, axes_, prompt_length) * words_) {}

int64_t SliceSet::TakingSteps(const Intervention& intervention, const ChosenPositions& chosen) const {
  const size_t heads = intervention.heads.empty() ? config_.n_heads : intervention.heads.size();
  const size_t queries = axes_ == HookAxes::kHeadsQueryKey ? chosen.positions.size() : 1;
  return static_cast<int64_t>((axes_ == HookAxes::kPos ? 1 : heads) * queries * words_);
}

std::optional<Slice> SliceSet::Take(const Intervention& intervention, const ChosenPositions& chosen) {
  const bool attention = axes_ == HookAxes::kHeadsQueryKey;
  std::vector<uint64_t> columns(words_);
  for (const int column : attention ? chosen.keys : chosen.positions) {
    columns[column / kBits] |= uint64_t{1} << (column % kBits);
  }
  if (axes_ == HookAxes::kPos) {
    const int position = TakeRow(0, columns, length_);
    return position < 0 ? std::nullopt : std::optional(Slice{.position = position});
  }
  for (const int head : ChosenHeads(config_, intervention)) {
    if (!attention) {
      const int position = TakeRow(head, columns, length_);
      if (position >= 0) return Slice{.head = head, .position = position};
      continue;
    }
    for (const int query : chosen.positions) {
      const int key = TakeRow(head * length_ + query, columns, query + 1);
      if (key >= 0) return Slice{head, query, key};
    }
  }
  return std::nullopt;
}

int SliceSet::TakeRow(size_t row, const std::vector<uint64_t>& columns, size_t end) {
  uint64_t* const taken = taken_.data() + row * words_;
  for (size_t word = 0; word * kBits < end; ++word) {
    const size_t below = end - word * kBits;
    const uint64_t wanted = below < kBits ? columns[word] & ((uint64_t{1} << below) - 1) : columns[word];
    if (const uint64_t both = taken[word] & wanted; both != 0) {
      return static_cast<int>(word * kBits) + std::countr_zero(both);
    }
    taken[word] |= wanted;
  }
  return -1;
}

}  // namespace circuitd
