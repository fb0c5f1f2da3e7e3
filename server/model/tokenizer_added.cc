// Added tokens ("<|endoftext|>"): stretches of text that are one token, whatever surrounds them.
#include "server/model/tokenizer_added.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"

namespace circuitd {

AddedTokenSplitter::AddedTokenSplitter(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    Index& index = token.normalized ? normalized_ : plain_;
    index[static_cast<uint8_t>(token.content.front())].push_back(token);
  }
  for (Index* index : {&plain_, &normalized_}) {
    for (std::vector<AddedToken>& same_first_byte : *index) {
      std::sort(same_first_byte.begin(), same_first_byte.end(),
                [](const AddedToken& a, const AddedToken& b) { return a.content.size() > b.content.size(); });
    }
  }
}

void AddedTokenSplitter::Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> text_piece,
                               absl::FunctionRef<void(int id)> token) const {
  SplitBy(
      plain_, text, [&](absl::string_view piece) { SplitBy(normalized_, piece, text_piece, token); }, token);
}

void AddedTokenSplitter::SplitBy(const Index& index, absl::string_view text,
                                 absl::FunctionRef<void(absl::string_view)> text_piece,
                                 absl::FunctionRef<void(int id)> token) {
  size_t piece_start = 0;
  size_t at = 0;
  while (at < text.size()) {
    const std::vector<AddedToken>& candidates = index[static_cast<uint8_t>(text[at])];
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const AddedToken& candidate) {
      return absl::StartsWith(text.substr(at), candidate.content);
    });
    if (found == candidates.end()) {
      ++at;
      continue;
    }
    if (at > piece_start) text_piece(text.substr(piece_start, at - piece_start));
    token(found->id);
    at += found->content.size();
    piece_start = at;
  }
  if (piece_start < text.size()) text_piece(text.substr(piece_start));
}

}  // namespace circuitd
