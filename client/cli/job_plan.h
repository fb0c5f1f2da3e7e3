// A job as the command line asks for it, with what its server has to be sent before.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/evaluation_report.h"
#include "client/client.h"

namespace circuitd::client {

struct JobPlan {
  // Its kind alone. Datasets have no names yet: these need an upload.
  v1::JobSpec spec;
  // Each makes sure that the server has some file, and names it in the spec.
  std::vector<std::function<absl::Status(Client&, v1::JobSpec&)>> uploads;
  // What the folder of its files is called after.
  std::string name;
  // Rows of the longest table of an evaluation.
  size_t top = kEvaluationRows;
};

}  // namespace circuitd::client
