#include "client/cli/logits_options.h"

#include <cmath>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/node_text.h"
#include "client/cli/position_text.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {

void LogitsOptions::AddTo(CLI::App& app) {
  AddCountOption(app, "--top-k", top_k_, "How many of the most likely next tokens to show")->capture_default_str();
  chosen_ = AddRawOption(app, "--chosen", "A token whose logit is wanted (repeatable)");
  chosen_ids_ = AddRawOption(app, "--chosen-ids", "Ids of tokens whose logits are wanted: 17,18");
  app.add_option("--full-logits", full_logits_,
                 "Keep all logits of the last, or of all, positions, in the file of -o: logits/0, ...")
      ->check(CLI::IsMember({"last", "all"}));
  capture_ = AddRawOption(app, "--capture",
                          "A hook point, or a glob of them, to keep in the file of -o: blocks.*.attn.hook_pattern "
                          "becomes blocks.0.attn.hook_pattern/0, ... (repeatable)");
  app.add_option("--capture-heads", capture_heads_, "Only these heads: 0,3")->type_name("HEADS");
  capture_positions_ = AddRawOption(app, "--capture-positions", "Only these positions: see below");
  capture_positions_->multi_option_policy(CLI::MultiOptionPolicy::Throw)->type_name("POSITIONS");
  app.add_option("-o,--output", output_, "Safetensors file for full logits and captured activations")
      ->type_name("FILE.safetensors");
}

absl::StatusOr<Prompts> ReadChosenTokens(const CLI::Option& chosen, const CLI::Option& chosen_ids) {
  Prompts tokens;
  for (const std::string& text : chosen.results()) tokens.Add()->set_text(text);
  for (const std::string& text : chosen_ids.results()) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> ids, ParseIds(text));
    for (uint32_t id : ids) tokens.Add()->mutable_tokens()->add_ids(id);
  }
  return tokens;
}

absl::StatusOr<v1::LogitsSelection> LogitsOptions::ReadLogits() const {
  v1::LogitsSelection selection;
  selection.set_top_k(top_k_);
  ASSIGN_OR_RETURN(*selection.mutable_chosen_tokens(), ReadChosenTokens(*chosen_, *chosen_ids_));
  if (!full_logits_.empty()) {
    selection.set_full_logits(full_logits_ == "all" ? v1::LOGITS_POSITIONS_ALL : v1::LOGITS_POSITIONS_LAST);
  }
  return selection;
}

absl::StatusOr<v1::ActivationCapture> LogitsOptions::ReadCapture() const {
  v1::ActivationCapture capture;
  for (const std::string& hook : capture_->results()) capture.add_hooks(hook);
  if (!capture_heads_.empty()) {
    const auto heads = ParseIntegers<uint32_t>(capture_heads_);
    if (!heads.ok()) return WithFieldPrefix("--capture-heads", heads.status());
    capture.mutable_heads()->Add(heads->begin(), heads->end());
  }
  if (!capture_positions_->results().empty()) {
    const auto positions = ParsePositions(capture_positions_->results().front());
    if (!positions.ok()) return WithFieldPrefix("--capture-positions", positions.status());
    *capture.mutable_positions() = *positions;
  }
  if (capture.hooks().empty() && (!capture_heads_.empty() || capture.has_positions())) {
    return InvalidField("--capture", "which hook points? --capture-heads and --capture-positions choose of them");
  }
  return capture;
}

template <typename Request>
absl::Status LogitsOptions::ApplyTo(Request& request) const {
  ASSIGN_OR_RETURN(*request.mutable_logits(), ReadLogits());
  ASSIGN_OR_RETURN(const v1::ActivationCapture capture, ReadCapture());
  if (capture.hooks_size() > 0) *request.mutable_capture() = capture;
  const bool tensors = !full_logits_.empty() || capture.hooks_size() > 0;
  if (tensors && output_.empty()) return InvalidField("-o", "a file is needed for --full-logits and --capture");
  if (!tensors && !output_.empty()) return InvalidField("-o", "nothing to keep: give --full-logits or --capture");
  return absl::OkStatus();
}

template absl::Status LogitsOptions::ApplyTo(v1::ForwardRequest& request) const;
template absl::Status LogitsOptions::ApplyTo(v1::RunPatchedRequest& request) const;

absl::StatusOr<std::optional<SafetensorsSpool>> LogitsOptions::OpenFile() const {
  std::optional<SafetensorsSpool> file;
  if (output_.empty()) return file;
  ASSIGN_OR_RETURN(SafetensorsSpool spool, SafetensorsSpool::Create(output_));
  file.emplace(std::move(spool));
  return file;
}

void PrintLogits(const Prompts& prompts, const google::protobuf::RepeatedPtrField<v1::PromptLogits>& logits,
                 Output& out) {
  for (int i = 0; i < logits.size(); ++i) {
    const std::string text = i < prompts.size() ? PromptText(prompts[i]) : "";
    std::string title =
        absl::StrFormat("%sprompt %d, %d tokens: %s", i > 0 ? "\n" : "", i, logits[i].token_count(), text);
    if (out.table_width() > 0) title = Truncate(title, out.table_width());
    out.Write(absl::StrCat(title, "\n"));
    Table table({"", "TOKEN", ">ID", ">LOGIT", ">PROBABILITY"});
    const auto add = [&](const std::string& what, const v1::TokenLogit& entry) {
      // Quoted already, and the table's escaping leaves what is printable alone.
      table.Add({what, TokenText(entry.token()), absl::StrCat(entry.token().id()),
                 absl::StrFormat("%.4f", entry.logit()), absl::StrFormat("%.3f%%", 100 * std::exp(entry.log_prob()))});
    };
    for (int k = 0; k < logits[i].top_size(); ++k) add(absl::StrCat(k + 1), logits[i].top(k));
    for (const v1::TokenLogit& entry : logits[i].chosen()) add("chosen", entry);
    if (logits[i].top_size() + logits[i].chosen_size() > 0) out.Write(table.Render(out.table_width(), out.colour()));
  }
}

}  // namespace circuitd::client
