// Where the prompts of a job or reading come from: a task, files, or the command line itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "client/cli/metric_options.h"
#include "client/cli/prompt_files.h"
#include "client/cli/prompt_options.h"
#include "client/client.h"

namespace circuitd::client {

// Files of prompts that a run needs at the server.
struct LocalPrompts {
  // One of them is filled, or none for other sources.
  std::optional<std::string> pairs;
  std::optional<PublishedFiles> published;
};

// --task, --variants, --seed, --num-samples, --prompts, --corrupted, --first-token.
class PromptSourceOptions {
 public:
  void AddTo(CLI::App& app);
  // Also prompts as arguments, --ids, --file, --role, --corrupted-prompt, --correct, --incorrect.
  void AddWithInlineTo(CLI::App& app);

  // What a result is called after: the task, or the prompts' file or folder.
  std::string Name() const;
  // Reads what --prompts names: a folder or file of the published layout, or a file of pairs. INVALID_ARGUMENT for
  // options that do not go together, or no prompts at all.
  absl::StatusOr<LocalPrompts> ReadFiles() const;
  // Everything but the datasets' names, which need an upload.
  absl::StatusOr<v1::PromptSource> Source() const;

 private:
  bool has_inline() const { return with_inline_ && inline_prompts_.given(); }
  absl::Status SetInline(v1::InlinePrompts& out) const;

  std::string task_;
  std::vector<std::string> variants_;
  uint64_t seed_ = 0;
  std::optional<uint32_t> num_samples_;
  std::string prompts_;
  std::string corrupted_;
  bool first_token_ = false;
  bool with_inline_ = false;
  PromptOptions inline_prompts_;
  AnswerOptions answers_;
  CLI::Option* corrupted_prompts_ = nullptr;
};

// Makes sure that the server has the files, and names them in `source`.
absl::Status UploadPrompts(Client& client, const LocalPrompts& local, v1::PromptSource& source);

}  // namespace circuitd::client
