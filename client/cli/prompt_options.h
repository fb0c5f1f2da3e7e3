// Options that name prompts, answers and what is wanted of their logits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/inference.pb.h"
#include "client/cli/terminal.h"
#include "client/tensor_collector.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace circuitd::client {

using Prompts = google::protobuf::RepeatedPtrField<v1::Prompt>;

// Prompts as arguments, as token ids, and from a file, in this order.
class PromptOptions {
 public:
  void AddTo(CLI::App& app);
  // INVALID_ARGUMENT if there are none at all. Reads the file.
  absl::StatusOr<Prompts> Read() const;

 private:
  CLI::Option* texts_ = nullptr;
  CLI::Option* ids_ = nullptr;
  std::string file_;
};

// A prompt a line, without the newlines; a newline at the end begins no further one.
Prompts PromptsOfLines(absl::string_view text);

// The tokens of one side of an answer: the text itself, or, for a JSON array of strings and ids ('[" 51", 52]'), each
// of its elements.
Prompts ParseAnswer(const std::string& text);

// --top-k, --chosen, --chosen-ids, --full-logits, -o.
class LogitsOptions {
 public:
  void AddTo(CLI::App& app);
  absl::StatusOr<v1::LogitsSelection> Read() const;
  // Writes the file of full logits if they were asked for.
  absl::Status Save(TensorCollector& tensors) const;

 private:
  uint32_t top_k_ = 10;
  CLI::Option* chosen_ = nullptr;
  CLI::Option* chosen_ids_ = nullptr;
  std::string full_logits_;
  std::string output_;
};

// Tables of the most likely and the chosen tokens of each prompt.
void PrintLogits(const Prompts& prompts, const google::protobuf::RepeatedPtrField<v1::PromptLogits>& logits,
                 Output& out);

// A token for people: its text in quotes, or its id alone in a model without tokenizer.
std::string TokenText(const v1::Token& token);

}  // namespace circuitd::client
