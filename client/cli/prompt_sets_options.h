// Several sets of prompts on one command line.
#pragma once

#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/prompt_set.h"

namespace circuitd::client {

// --task and --prompts, as often as there are sets, and the options that all of them share.
class PromptSetsOptions {
 public:
  void AddTo(CLI::App& app);
  bool given() const { return !tasks_.empty() || !prompts_.empty(); }
  // One for each task, of the folder if there is one, and for each file. INVALID_ARGUMENT for none, and for several
  // folders.
  absl::StatusOr<std::vector<PromptSet>> Sets() const;

 private:
  PromptSet shared_;
  std::vector<std::string> tasks_;
  std::vector<std::string> prompts_;
};

}  // namespace circuitd::client
