// Where the prompts of a job or reading come from: a task, files, or the command line itself.
#pragma once

#include <string>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "client/cli/metric_options.h"
#include "client/cli/prompt_options.h"
#include "client/cli/prompt_set.h"

namespace circuitd::client {

// --task, --variants, --seed, --num-samples, --prompts, --corrupted, --first-token.
class PromptSourceOptions {
 public:
  void AddTo(CLI::App& app);
  // Also prompts as arguments, --ids, --file, --role, --corrupted-prompt, --correct, --incorrect.
  void AddWithInlineTo(CLI::App& app);

  // What a result is called after: the task, or the prompts' file or folder.
  std::string Name() const { return set_.Name(); }
  // Reads what --prompts names: a folder or file of the published layout, or a file of pairs. INVALID_ARGUMENT for
  // options that do not go together, or no prompts at all.
  absl::StatusOr<LocalPrompts> ReadFiles() const;
  // Everything but the datasets' names, which need an upload.
  absl::StatusOr<v1::PromptSource> Source() const;

 private:
  bool has_inline() const { return with_inline_ && inline_prompts_.given(); }
  absl::Status SetInline(v1::InlinePrompts& out) const;

  PromptSet set_;
  bool with_inline_ = false;
  PromptOptions inline_prompts_;
  AnswerOptions answers_;
  CLI::Option* corrupted_prompts_ = nullptr;
};

}  // namespace circuitd::client
