// Added tokens ("<|endoftext|>"): stretches of text that are one token, whatever surrounds them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace circuitd {

struct AddedToken {
  std::string content;  // as it stands in texts; not empty
  int id = 0;
  // Hugging Face looks for tokens that are not "normalized" first, and for these in what is left.
  bool normalized = false;
};

// Immutable and thread-safe.
class AddedTokenSplitter {
 public:
  explicit AddedTokenSplitter(const std::vector<AddedToken>& tokens);

  // Calls `text_piece` and `token` in order of the text. Of tokens that overlap the leftmost wins, and of those that
  // start together the longest.
  void Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> text_piece,
             absl::FunctionRef<void(int id)> token) const;

 private:
  // The tokens that begin with a byte, longest first.
  using Index = std::array<std::vector<AddedToken>, 256>;
  static void SplitBy(const Index& index, absl::string_view text, absl::FunctionRef<void(absl::string_view)> text_piece,
                      absl::FunctionRef<void(int id)> token);

  Index plain_;
  Index normalized_;
};

}  // namespace circuitd
