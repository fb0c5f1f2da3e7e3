#include "client/cli/prompt_sets_options.h"

#include <filesystem>
#include <system_error>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd::client {

void PromptSetsOptions::AddTo(CLI::App& app) {
  app.add_option("--task,-t", tasks_,
                 "Prompts that the server generates (circuit task list), or, with a folder, whose files are taken; "
                 "repeatable, or several with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--prompts", prompts_, absl::StrCat(kPromptsHelp, "; repeatable"))
      ->type_name("DIR|FILE")
      ->allow_extra_args(false);
  shared_.AddChoicesTo(app);
}

absl::StatusOr<std::vector<PromptSet>> PromptSetsOptions::Sets() const {
  std::string folder;
  std::vector<std::string> files;
  for (const std::string& path : prompts_) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
    } else if (!folder.empty()) {
      return InvalidField("--prompts", absl::StrCat("'", folder, "' and '", path, "' are folders: give one"));
    } else if (tasks_.empty()) {
      return InvalidField("--task", "needed to know which files of the folder are meant");
    } else {
      folder = path;
    }
  }
  if (!shared_.corrupted.empty() && files.size() != 1) return InvalidField("--corrupted", "needs one --prompts FILE");
  std::vector<PromptSet> sets;
  const auto add = [&](const std::string& task, const std::string& prompts) {
    PromptSet& set = sets.emplace_back(shared_);
    set.task = task;
    set.prompts = prompts;
    // Files have what they have: these choose among generated prompts, or files of a folder.
    if (task.empty()) {
      set.variants.clear();
    } else {
      set.corrupted.clear();
    }
  };
  for (const std::string& task : tasks_) add(task, folder);
  for (const std::string& file : files) add("", file);
  if (sets.empty()) return absl::InvalidArgumentError("no prompts: give --task or --prompts");
  return sets;
}

}  // namespace circuitd::client
