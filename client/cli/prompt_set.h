// A set of prompts that a command line names: a task, files, or files of a task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "client/cli/prompt_files.h"
#include "client/client.h"

namespace circuitd::client {

// Files of prompts that a run needs at the server.
struct LocalPrompts {
  // One of them is filled, or none for other sources.
  std::optional<std::string> pairs;
  std::optional<PublishedFiles> published;
};

struct PromptSet {
  std::string task;
  // A folder or file.
  std::string prompts;
  std::vector<std::string> variants;
  uint64_t seed = 0;
  std::optional<uint32_t> num_samples;
  std::string corrupted;
  bool first_token = false;

  // The options of all but `task` and `prompts`.
  void AddChoicesTo(CLI::App& app);

  // What a result is called after: the task, or the prompts' file or folder.
  std::string Name() const;
  // Reads what `prompts` names: a folder or file of the published layout, or a file of pairs. INVALID_ARGUMENT for
  // options that do not go together.
  absl::StatusOr<LocalPrompts> ReadFiles() const;
  // Everything but the datasets' names, which need an upload.
  v1::PromptSource Source() const;
};

// Makes sure that the server has the files, and names them in `source`.
absl::Status UploadPrompts(Client& client, const LocalPrompts& local, v1::PromptSource& source);

// Of --prompts.
inline constexpr char kPromptsHelp[] =
    "A folder with TASK_prompts_{done,lost,names}.jsonl and randDS_TASK.jsonl, or a file of pairs, each line "
    "{\"clean\", \"corrupted\", \"correct\", \"incorrect\"}; - is standard input";

}  // namespace circuitd::client
