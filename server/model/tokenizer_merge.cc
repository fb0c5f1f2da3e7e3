// The merge loop of byte-pair encoding.
#include "server/model/tokenizer_merge.h"

#include <cstddef>
#include <cstdint>
#include <queue>
#include <tuple>

namespace circuitd {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

// A doubly linked list over the word's bytes; a merge keeps the left symbol and unlinks the right one.
struct Symbol {
  int id;  // -1 once it is merged into its left neighbour
  size_t previous;
  size_t next;
};

// A pair that may merge. It is stale when its symbols have changed since, and then its rank is another.
struct Candidate {
  int rank;
  size_t left;

  // std::priority_queue pops the greatest: lowest rank, then leftmost.
  bool operator<(const Candidate& other) const { return std::tie(rank, left) > std::tie(other.rank, other.left); }
};

}  // namespace

void AppendBpeTokens(const BpeVocabulary& vocabulary, absl::string_view word, std::vector<int>& ids) {
  std::vector<Symbol> symbols(word.size());
  for (size_t i = 0; i < word.size(); ++i) {
    symbols[i] = {.id = vocabulary.byte_ids[static_cast<uint8_t>(word[i])],
                  .previous = i == 0 ? kNone : i - 1,
                  .next = i + 1 == word.size() ? kNone : i + 1};
  }

  const auto find_merge = [&](size_t left) -> const BpeMerge* {
    if (left == kNone || symbols[left].id < 0 || symbols[left].next == kNone) return nullptr;
    return vocabulary.FindMerge(symbols[left].id, symbols[symbols[left].next].id);
  };
  std::priority_queue<Candidate> candidates;
  const auto push = [&](size_t left) {
    if (const BpeMerge* merge = find_merge(left)) candidates.push({merge->rank, left});
  };
  for (size_t i = 0; i < symbols.size(); ++i) push(i);

  while (!candidates.empty()) {
    const Candidate candidate = candidates.top();
    candidates.pop();
    const BpeMerge* merge = find_merge(candidate.left);
    if (merge == nullptr || merge->rank != candidate.rank) continue;
    Symbol& left = symbols[candidate.left];
    Symbol& right = symbols[left.next];
    left.id = merge->result;
    right.id = -1;
    left.next = right.next;
    if (left.next != kNone) symbols[left.next].previous = candidate.left;
    push(left.previous);
    push(candidate.left);
  }

  for (size_t i = symbols.empty() ? kNone : 0; i != kNone; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace circuitd
