#include "client/cli/prompt_options.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/escape_text.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/node_text.h"
#include "client/cli/position_text.h"
#include "client/local_file.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {

void PromptOptions::AddTo(CLI::App& app) {
  texts_ = AddRawOption(app, "text", "Prompts; they are tokenized as they are");
  ids_ = AddRawOption(app, "--ids", "A prompt as token ids: 464,11,257 (repeatable)");
  app.add_option("--file", file_, "A file with a prompt a line; - is standard input")->type_name("FILE");
}

void PromptOptions::AddWithRolesTo(CLI::App& app) {
  AddTo(app);
  roles_ = AddRawOption(app, "--role", "NAME=POSITION: a name for a position, from 0, of every prompt (repeatable)");
}

bool PromptOptions::given() const { return !texts_->results().empty() || !ids_->results().empty() || !file_.empty(); }

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
  if (roles_ == nullptr) return prompts;
  for (const std::string& text : roles_->results()) {
    ASSIGN_OR_RETURN(const auto role, ParseRole(text));
    for (v1::Prompt& prompt : prompts) (*prompt.mutable_roles())[role.first] = role.second;
  }
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

std::string PromptText(const v1::Prompt& prompt) {
  return prompt.has_tokens() ? absl::StrCat("ids ", absl::StrJoin(prompt.tokens().ids(), ","))
                             : QuoteToken(prompt.text());
}

std::string TokenText(const v1::Token& token) { return token.text().empty() ? "" : QuoteToken(token.text()); }

std::string TokenLabel(const v1::Token& token) {
  return token.text().empty() ? absl::StrCat(token.id()) : QuoteToken(token.text());
}

}  // namespace circuitd::client
