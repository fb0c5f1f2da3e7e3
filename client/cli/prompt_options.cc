#include "client/cli/prompt_options.h"

#include <cmath>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/intervention_text.h"
#include "client/cli/table.h"
#include "client/cli/text.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

std::string PromptText(const v1::Prompt& prompt) {
  return prompt.has_tokens() ? absl::StrCat("ids ", absl::StrJoin(prompt.tokens().ids(), ","))
                             : QuoteToken(prompt.text());
}

}  // namespace

void PromptOptions::AddTo(CLI::App& app) {
  texts_ = AddRawOption(app, "text", "Prompts; they are tokenized as they are");
  ids_ = AddRawOption(app, "--ids", "A prompt as token ids: 464,11,257 (repeatable)");
  app.add_option("--file", file_, "A file with a prompt a line; - is standard input")->type_name("FILE");
}

absl::StatusOr<Prompts> PromptOptions::Read() const {
  Prompts prompts;
  for (const std::string& text : texts_->results()) prompts.Add()->set_text(text);
  for (const std::string& text : ids_->results()) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> ids, ParseIds(text));
    prompts.Add()->mutable_tokens()->mutable_ids()->Add(ids.begin(), ids.end());
  }
  if (!file_.empty()) {
    ASSIGN_OR_RETURN(const std::string lines, ReadFile(file_));
    Prompts more = PromptsOfLines(lines);
    prompts.MergeFrom(more);
  }
  if (prompts.empty()) return absl::InvalidArgumentError("no prompt: give a text, --ids or --file");
  return prompts;
}

Prompts PromptsOfLines(absl::string_view text) {
  Prompts prompts;
  if (text.empty()) return prompts;
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    prompts.Add()->set_text(line.data(), line.size());
  }
  return prompts;
}

Prompts ParseAnswer(const std::string& text) {
  Prompts tokens;
  const auto json =
      absl::StartsWith(text, "[") ? nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false) : nlohmann::json();
  if (json.is_array()) {
    for (const auto& element : json) {
      if (element.is_string()) {
        tokens.Add()->set_text(element.get<std::string>());
      } else if (element.is_number_unsigned() && element.get<uint64_t>() <= UINT32_MAX) {
        tokens.Add()->mutable_tokens()->add_ids(element.get<uint32_t>());
      } else {
        // Not a list of tokens after all.
        tokens.Clear();
        break;
      }
    }
  }
  if (tokens.empty()) tokens.Add()->set_text(text);
  return tokens;
}

void LogitsOptions::AddTo(CLI::App& app) {
  app.add_option("--top-k", top_k_, "How many of the most likely next tokens to show")->capture_default_str();
  chosen_ = AddRawOption(app, "--chosen", "A token whose logit is wanted (repeatable)");
  chosen_ids_ = AddRawOption(app, "--chosen-ids", "Ids of tokens whose logits are wanted: 17,18");
  CLI::Option* full = app.add_option("--full-logits", full_logits_,
                                     "Keep all logits of the last, or of all, positions, in the file of -o")
                          ->check(CLI::IsMember({"last", "all"}));
  CLI::Option* output = app.add_option("-o,--output", output_, "Safetensors file for the full logits: logits/0, ...")
                            ->type_name("FILE.safetensors");
  full->needs(output);
  output->needs(full);
}

absl::StatusOr<v1::LogitsSelection> LogitsOptions::Read() const {
  v1::LogitsSelection selection;
  selection.set_top_k(top_k_);
  for (const std::string& text : chosen_->results()) selection.add_chosen_tokens()->set_text(text);
  for (const std::string& text : chosen_ids_->results()) {
    ASSIGN_OR_RETURN(const std::vector<uint32_t> ids, ParseIds(text));
    for (uint32_t id : ids) selection.add_chosen_tokens()->mutable_tokens()->add_ids(id);
  }
  if (!full_logits_.empty()) {
    selection.set_full_logits(full_logits_ == "all" ? v1::LOGITS_POSITIONS_ALL : v1::LOGITS_POSITIONS_LAST);
  }
  return selection;
}

absl::Status LogitsOptions::Save(TensorCollector& tensors) const {
  ASSIGN_OR_RETURN(const std::vector<NamedTensor> all, tensors.Finish());
  return output_.empty() ? absl::OkStatus() : WriteSafetensorsFile(output_, all);
}

std::string TokenText(const v1::Token& token) { return token.text().empty() ? "" : QuoteToken(token.text()); }

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
