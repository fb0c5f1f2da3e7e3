#include "client/cli/prompt_source_options.h"

#include <filesystem>
#include <system_error>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/dataset_upload.h"
#include "client/local_file.h"

namespace circuitd::client {

void PromptSourceOptions::AddTo(CLI::App& app) {
  app.add_option("--task,-t", task_,
                 "Prompts that the server generates (circuit task list), or, with a folder, whose files are taken");
  app.add_option("--variants", variants_, "Only these of the task's variants: done,lost (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--seed", seed_, "Seed of the generated prompts")->capture_default_str();
  app.add_option("--num-samples,-n", num_samples_,
                 "Prompts of each variant (default: 32 generated, or all of the files)");
  app.add_option(
         "--prompts", prompts_,
         "A folder with TASK_prompts_{done,lost,names}.jsonl and randDS_TASK.jsonl, or a file of pairs, each line "
         "{\"clean\", \"corrupted\", \"correct\", \"incorrect\"}; - is standard input")
      ->type_name("DIR|FILE");
  app.add_option("--corrupted", corrupted_,
                 "Corrupted prompts, where --prompts is one file of clean ones, each line "
                 "{\"text\", \"corr\", \"incorr\"}")
      ->type_name("FILE");
  app.add_flag("--first-token", first_token_, "Use only the first token of a longer answer");
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

std::string PromptSourceOptions::Name() const {
  if (!task_.empty()) return task_;
  return std::filesystem::path(prompts_).stem().string();
}

absl::StatusOr<LocalPrompts> PromptSourceOptions::ReadFiles() const {
  LocalPrompts local;
  if (has_inline()) {
    if (!task_.empty() || !prompts_.empty()) {
      return absl::InvalidArgumentError("prompts as arguments together with --task or --prompts: give one of them");
    }
    return local;
  }
  if (with_inline_ && (answers_.given() || !corrupted_prompts_->results().empty())) {
    return absl::InvalidArgumentError(
        "--corrupted-prompt, --correct and --incorrect go with prompts that are arguments");
  }
  if (prompts_.empty()) {
    if (!corrupted_.empty()) return InvalidField("--corrupted", "needs --prompts FILE");
    if (task_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no prompts: give --task or --prompts", with_inline_ ? ", or a text" : ""));
    }
    return local;
  }
  std::error_code error;
  if (std::filesystem::is_directory(prompts_, error)) {
    if (task_.empty()) return InvalidField("--task", "needed to know which files of the folder are meant");
    if (!corrupted_.empty()) return InvalidField("--corrupted", "only with --prompts FILE");
    ASSIGN_OR_RETURN(local.published, ReadPublishedFolder(prompts_, task_, variants_));
    return local;
  }
  if (!variants_.empty()) return InvalidField("--variants", "only with generated prompts or a folder");
  ASSIGN_OR_RETURN(std::string clean, ReadFile(prompts_));
  if (corrupted_.empty()) {
    local.pairs = std::move(clean);
    return local;
  }
  local.published.emplace();
  local.published->clean.push_back(std::move(clean));
  ASSIGN_OR_RETURN(local.published->corrupted, ReadFile(corrupted_));
  return local;
}

absl::Status PromptSourceOptions::SetInline(v1::InlinePrompts& out) const {
  ASSIGN_OR_RETURN(*out.mutable_clean(), inline_prompts_.Read());
  for (const std::string& text : corrupted_prompts_->results()) out.add_corrupted()->set_text(text);
  ASSIGN_OR_RETURN(*out.mutable_answers(), answers_.Read(static_cast<size_t>(out.clean_size())));
  return absl::OkStatus();
}

absl::StatusOr<v1::PromptSource> PromptSourceOptions::Source() const {
  v1::PromptSource source;
  if (num_samples_) source.set_num_samples(*num_samples_);
  if (first_token_) source.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  if (has_inline()) {
    RETURN_IF_ERROR(SetInline(*source.mutable_inline_()));
  } else if (prompts_.empty()) {
    source.mutable_task()->set_task(task_);
    source.mutable_task()->set_seed(seed_);
    for (const std::string& variant : variants_) source.mutable_task()->add_variants(variant);
  }
  return source;
}

absl::Status UploadPrompts(Client& client, const LocalPrompts& local, v1::PromptSource& source) {
  if (local.pairs) {
    ASSIGN_OR_RETURN(const std::string sha256, EnsureDataset(client, v1::DATASET_FORMAT_PAIRS, *local.pairs));
    source.set_pairs_dataset_sha256(sha256);
  }
  if (local.published) {
    for (const std::string& clean : local.published->clean) {
      ASSIGN_OR_RETURN(const std::string sha256, EnsureDataset(client, v1::DATASET_FORMAT_PUBLISHED, clean));
      source.mutable_published()->add_clean_dataset_sha256s(sha256);
    }
    ASSIGN_OR_RETURN(const std::string sha256,
                     EnsureDataset(client, v1::DATASET_FORMAT_PUBLISHED, local.published->corrupted));
    source.mutable_published()->set_corrupted_dataset_sha256(sha256);
  }
  return absl::OkStatus();
}

}  // namespace circuitd::client
