// What is wanted of the logits and activations of a run, and where the tensors go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/inference.pb.h"
#include "client/cli/prompt_options.h"
#include "client/cli/terminal.h"
#include "client/safetensors_spool.h"

namespace circuitd::client {

// --top-k, --chosen, --chosen-ids, --full-logits, --capture…, -o.
class LogitsOptions {
 public:
  void AddTo(CLI::App& app);
  // Sets logits and capture of a ForwardRequest or RunPatchedRequest. INVALID_ARGUMENT for tensors without a file, or a
  // file without tensors.
  template <typename Request>
  absl::Status ApplyTo(Request& request) const;
  // The file for the tensors; nullopt if none are wanted.
  absl::StatusOr<std::optional<SafetensorsSpool>> OpenFile() const;

 private:
  absl::StatusOr<v1::LogitsSelection> ReadLogits() const;
  absl::StatusOr<v1::ActivationCapture> ReadCapture() const;

  uint32_t top_k_ = 10;
  CLI::Option* chosen_ = nullptr;
  CLI::Option* chosen_ids_ = nullptr;
  std::string full_logits_;
  CLI::Option* capture_ = nullptr;
  std::string capture_heads_;
  CLI::Option* capture_positions_ = nullptr;
  std::string output_;
};

// --chosen and --chosen-ids as tokens.
absl::StatusOr<Prompts> ReadChosenTokens(const CLI::Option& chosen, const CLI::Option& chosen_ids);

// Tables of the most likely and the chosen tokens of each prompt.
void PrintLogits(const Prompts& prompts, const google::protobuf::RepeatedPtrField<v1::PromptLogits>& logits,
                 Output& out);

}  // namespace circuitd::client
