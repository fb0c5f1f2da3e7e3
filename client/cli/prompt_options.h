// Options that name prompts and answers.
#pragma once

#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/prompt.pb.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace circuitd::client {

using Prompts = google::protobuf::RepeatedPtrField<v1::Prompt>;

// Prompts as arguments, as token ids, and from a file, in this order.
class PromptOptions {
 public:
  void AddTo(CLI::App& app);
  // --role too.
  void AddWithRolesTo(CLI::App& app);
  // Whether any option names prompts.
  bool given() const;
  // INVALID_ARGUMENT if there are none at all. Reads the file.
  absl::StatusOr<Prompts> Read() const;

 private:
  CLI::Option* texts_ = nullptr;
  CLI::Option* ids_ = nullptr;
  CLI::Option* roles_ = nullptr;
  std::string file_;
};

// A prompt a line, without the newlines; a newline at the end begins no further one.
Prompts PromptsOfLines(absl::string_view text);

// The tokens of one side of an answer: the text itself, or, for a JSON array of strings and ids ('[" 51", 52]'), each
// of its elements.
Prompts ParseAnswer(const std::string& text);

// A prompt for people: its text in quotes, or "ids 464,11".
std::string PromptText(const v1::Prompt& prompt);

// A token for people: its text in quotes, or nothing in a model without tokenizer.
std::string TokenText(const v1::Token& token);

// The same, but never empty: the id where there is no text.
std::string TokenLabel(const v1::Token& token);

}  // namespace circuitd::client
