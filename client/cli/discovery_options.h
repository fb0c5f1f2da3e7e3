// The model and the prompts of a job that finds a circuit.
#pragma once

#include <string>
#include <utility>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "base/status.h"
#include "client/cli/job_plan.h"
#include "client/cli/prompt_source_options.h"

namespace circuitd::client {

class DiscoveryOptions {
 public:
  void AddTo(CLI::App& app);

  // The job of `kind`, whose other fields are set, and whose place in a spec `mutable_kind` gives. Reads the prompts'
  // files; errors as PromptSourceOptions.
  template <typename Kind>
  absl::StatusOr<JobPlan> Plan(Kind kind, Kind* (v1::JobSpec::*mutable_kind)()) const {
    kind.set_model(model_);
    ASSIGN_OR_RETURN(*kind.mutable_prompts(), prompts_.Source());
    ASSIGN_OR_RETURN(LocalPrompts local, prompts_.ReadFiles());
    JobPlan plan;
    *(plan.spec.*mutable_kind)() = std::move(kind);
    plan.uploads.push_back([local = std::move(local), mutable_kind](Client& client, v1::JobSpec& spec) {
      return UploadPrompts(client, local, *(spec.*mutable_kind)()->mutable_prompts());
    });
    plan.name = prompts_.Name();
    return plan;
  }

 private:
  std::string model_;
  PromptSourceOptions prompts_;
};

}  // namespace circuitd::client
