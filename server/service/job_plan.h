// A job of whatever kind, ready to run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "server/graph/circuit_document.h"
#include "server/graph/node.h"
#include "server/jobs/store/job.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

class PlanRun;

// One of a spec's prompt sources.
struct JobPrompts {
  PromptPairs pairs;
  std::string json;  // the source as the request gave it, with what it leaves to the server filled in
};

// What a job is made of, whether a request or the disk has brought it.
struct JobMaterial {
  // Valid, with its defaults filled in. Of prompts and circuits it says what they are called; what they are stands
  // below, in the order of the spec.
  v1::JobSpec spec;
  std::shared_ptr<const Model> model;
  std::string model_sha256;
  std::vector<JobPrompts> prompts;
  std::vector<CircuitDocument> circuits;  // of the model's dimensions
  int64_t memory_budget_bytes = 0;
  // Prompts that run side by side: once they are chosen, the same in every run of the job.
  std::optional<int64_t> micro_batch_prompts;
};

struct JobCost {
  int64_t steps_per_iteration = 0;  // an iteration is the whole job, but for node pruning
  int64_t micro_batch_prompts = 0;
  int64_t memory_bytes = 0;
  double flops_per_iteration = 0;
  double iterations = 1;  // as many as it usually takes
};

// What a job has found.
struct PlanOutcome {
  std::string result;
  std::vector<ArtifactFile> files;  // of its kind
  NodeSet nodes;                    // of the circuits that these are about
  // What the material's prompts are called, in its order.
  std::vector<std::string> prompt_labels;
};

// Immutable once it is shared.
class JobPlan {
 public:
  explicit JobPlan(JobMaterial material) : material_(std::move(material)) {}
  virtual ~JobPlan() = default;
  JobPlan(const JobPlan&) = delete;
  JobPlan& operator=(const JobPlan&) = delete;

  const JobMaterial& material() const { return material_; }
  const Model& model() const { return *material_.model; }

  // Of the job as a whole; roughly.
  virtual JobCost Cost() const = 0;
  void set_micro_batch_prompts(int64_t prompts) { material_.micro_batch_prompts = prompts; }

  // What the job does on the device's worker, from where the events of its earlier runs end.
  virtual absl::StatusOr<PlanOutcome> Run(PlanRun& run) const = 0;

 private:
  JobMaterial material_;
};

}  // namespace circuitd
