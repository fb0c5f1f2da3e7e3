// A job's plan on the disk and back, and what tells jobs with equal results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "circuitd/storage/v1/job_input.pb.h"
#include "circuitd/v1/job.pb.h"
#include "server/service/job_plan.h"

namespace circuitd {

struct StoredJob {
  // A JobInput (proto/circuitd/storage/v1), with everything that the plan was made from.
  std::string input;
  // Equal for plans with equal results: the same model, prompts, answers, circuits and parameters, on the same device,
  // by the same version of circuitd.
  std::string result_key;
};

// RESOURCE_EXHAUSTED if that is more than is stored of a job; INVALID_ARGUMENT names a circuit that is
// ("evaluation.circuits[1]").
absl::StatusOr<StoredJob> StoreJob(const JobPlan& plan);

// The plan again, of the job that was submitted with `spec`, with its model, whose sha256 is `sha256`, within the
// budget that the server has now.
// FAILED_PRECONDITION if that is not the model that it was, DATA_LOSS if `input` is damaged.
absl::StatusOr<std::shared_ptr<const JobPlan>> RestoreJob(const storage::v1::JobInput& input, const v1::JobSpec& spec,
                                                          std::shared_ptr<const Model> model, const std::string& sha256,
                                                          int64_t memory_budget_bytes);

}  // namespace circuitd
