// The job that a command line asks for.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/cli/job_plan.h"

namespace circuitd::client {

// Of a command with these options alone. Throws CLI::ParseError as main catches it.
template <typename Options>
absl::StatusOr<JobPlan> PlanOf(const std::string& arguments) {
  CLI::App app;
  Options options;
  options.AddTo(app);
  app.parse(arguments);
  return options.Plan();
}

}  // namespace circuitd::client
