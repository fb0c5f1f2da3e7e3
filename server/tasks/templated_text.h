// A generated prompt's text while a template is filled in, and the pair of prompts that two such texts are.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/model/prompt_pair.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// Not thread-safe.
class TemplatedText {
 public:
  // A stretch of the text that has to be one token, and the name of that token's position.
  struct Slot {
    std::string role;
    size_t begin = 0;  // in bytes
    size_t end = 0;
  };

  TemplatedText& Add(absl::string_view text) {
    absl::StrAppend(&text_, text);
    return *this;
  }
  TemplatedText& AddSlot(std::string role, absl::string_view text) {
    slots_.push_back({std::move(role), text_.size(), text_.size() + text.size()});
    return Add(text);
  }

  const std::string& text() const { return text_; }
  const std::vector<Slot>& slots() const { return slots_; }  // in the text's order

 private:
  std::string text_;
  std::vector<Slot> slots_;
};

// The tokens of both texts and the roles of their slots, and "end", the last position; no answers yet. An error names
// the prompt: one over n_ctx, a slot that is not one token, partners that differ in length or in a slot's position.
// Thread-safe.
absl::StatusOr<PromptPair> PairOfTexts(const ModelVocabulary& model, const TemplatedText& clean,
                                       const TemplatedText& corrupted);

}  // namespace circuitd
