#include "client/cli/prompt_source_options.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"

namespace circuitd::client {

void PromptSourceOptions::AddTo(CLI::App& app) {
  app.add_option("--task,-t", set_.task,
                 "Prompts that the server generates (circuit task list), or, with a folder, whose files are taken");
  app.add_option("--prompts", set_.prompts, kPromptsHelp)->type_name("DIR|FILE");
  set_.AddChoicesTo(app);
}

void PromptSourceOptions::AddWithInlineTo(CLI::App& app) {
  with_inline_ = true;
  AddTo(app);
  inline_prompts_.AddWithRolesTo(app);
  corrupted_prompts_ = AddRawOption(app, "--corrupted-prompt",
                                    "The i-th is the corrupted partner, of equal length, of the i-th prompt that is "
                                    "an argument (repeatable)");
  answers_.AddTo(app);
}

absl::StatusOr<LocalPrompts> PromptSourceOptions::ReadFiles() const {
  if (has_inline()) {
    if (!set_.task.empty() || !set_.prompts.empty()) {
      return absl::InvalidArgumentError("prompts as arguments together with --task or --prompts: give one of them");
    }
    return LocalPrompts();
  }
  if (with_inline_ && (answers_.given() || !corrupted_prompts_->results().empty())) {
    return absl::InvalidArgumentError(
        "--corrupted-prompt, --correct and --incorrect go with prompts that are arguments");
  }
  if (set_.task.empty() && set_.prompts.empty() && set_.corrupted.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no prompts: give --task or --prompts", with_inline_ ? ", or a text" : ""));
  }
  return set_.ReadFiles();
}

absl::Status PromptSourceOptions::SetInline(v1::InlinePrompts& out) const {
  ASSIGN_OR_RETURN(*out.mutable_clean(), inline_prompts_.Read());
  for (const std::string& text : corrupted_prompts_->results()) out.add_corrupted()->set_text(text);
  ASSIGN_OR_RETURN(*out.mutable_answers(), answers_.Read(static_cast<size_t>(out.clean_size())));
  return absl::OkStatus();
}

absl::StatusOr<v1::PromptSource> PromptSourceOptions::Source() const {
  v1::PromptSource source = set_.Source();
  if (has_inline()) RETURN_IF_ERROR(SetInline(*source.mutable_inline_()));
  return source;
}

}  // namespace circuitd::client
