#include "client/cli/prompt_set.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/count_option.h"
#include "client/dataset_upload.h"
#include "client/local_file.h"

namespace circuitd::client {

void PromptSet::AddChoicesTo(CLI::App& app) {
  app.add_option("--variants", variants, "Only these of the task's variants: done,lost (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddCountOption(app, "--seed", seed, "Seed of the generated prompts")->capture_default_str();
  AddCountOption(app, "--num-samples,-n", num_samples,
                 "Prompts of each variant (default: 32 generated, or all of the files)");
  app.add_option("--corrupted", corrupted,
                 "Corrupted prompts, where --prompts is one file of clean ones, each line "
                 "{\"text\", \"corr\", \"incorr\"}")
      ->type_name("FILE");
  app.add_flag("--first-token", first_token, "Use only the first token of a longer answer");
}

std::string PromptSet::Name() const { return task.empty() ? std::filesystem::path(prompts).stem().string() : task; }

absl::StatusOr<LocalPrompts> PromptSet::ReadFiles() const {
  LocalPrompts local;
  if (prompts.empty()) {
    if (!corrupted.empty()) return InvalidField("--corrupted", "needs --prompts FILE");
    return local;
  }
  std::error_code error;
  if (std::filesystem::is_directory(prompts, error)) {
    if (task.empty()) return InvalidField("--task", "needed to know which files of the folder are meant");
    if (!corrupted.empty()) return InvalidField("--corrupted", "only with --prompts FILE");
    ASSIGN_OR_RETURN(local.published, ReadPublishedFolder(prompts, task, variants));
    return local;
  }
  if (!variants.empty()) return InvalidField("--variants", "only with generated prompts or a folder");
  ASSIGN_OR_RETURN(std::string clean, ReadFile(prompts));
  if (corrupted.empty()) {
    local.pairs = std::move(clean);
    return local;
  }
  local.published.emplace();
  local.published->clean.push_back(std::move(clean));
  ASSIGN_OR_RETURN(local.published->corrupted, ReadFile(corrupted));
  return local;
}

v1::PromptSource PromptSet::Source() const {
  v1::PromptSource source;
  if (num_samples) source.set_num_samples(*num_samples);
  if (first_token) source.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  if (prompts.empty() && !task.empty()) {
    source.mutable_task()->set_task(task);
    source.mutable_task()->set_seed(seed);
    for (const std::string& variant : variants) source.mutable_task()->add_variants(variant);
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
