// Several requests' prompts in the same micro-batches: each request is a part that sees its own rows only, and gets
// what it would get alone. Without torch.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/model/forward.h"
#include "server/model/hook_point.h"
#include "server/model/micro_batch_limits.h"
#include "server/model/model.h"

namespace circuitd {

struct BatchRun;
class Hooks;

// A request as a part of a joint run. Its functions are called on the device's worker, and may throw torch's
// exceptions. `rows` are always of the part's own prompts.
class JointPart {
 public:
  virtual ~JointPart() = default;

  virtual const std::vector<std::vector<int>>& prompts() const = 0;
  // Asked before each pass: an error (the caller has gone) ends the part, and what nobody waits for is not run.
  virtual absl::Status Check() const = 0;
  // Does what has to be done before the prompts run, once.
  virtual absl::Status Prepare(const ForwardOptions& options) = 0;
  // Of micro-batches; after Prepare.
  virtual MicroBatchLimits Limits(int64_t memory_budget_bytes) const = 0;

  // A run that comes first and whose activations the part's own hooks need: prompts of the same lengths as the part's
  // `rows`, up to the highest of `points`.
  struct Sources {
    absl::Span<const std::vector<int>> prompts;
    absl::Span<const HookPoint> points;
    Hooks* hooks;
  };
  // Begins with `rows`, whatever became of those before.
  virtual void Begin(MicroBatch rows) = 0;
  virtual std::optional<Sources> sources() { return std::nullopt; }
  virtual Hooks& hooks() = 0;
  // Whether Read needs a run of the same prompts without hooks, too.
  virtual bool wants_plain_run() const { return false; }
  // Reads the answers about the rows that Begin began, off their own rows of a run. May be called again for the same
  // rows: what is read counts once it is delivered. `plain` is null unless it is wanted.
  virtual absl::Status Read(const BatchRun& run, const BatchRun* plain) = 0;
  // Passes on what was read, and the tensors of the run. An error ends the part.
  virtual absl::Status Deliver(const BatchRun& run) = 0;
};

// Runs all parts (of requests for this model), side by side as far as limits allow, and says how each has ended. A part
// that fails, by whatever is wrong with it, leaves the others alone; an error of the checkpoint ends all that have not
// ended. Call on the device's worker.
std::vector<absl::Status> RunTogether(const Model& model, absl::Span<JointPart* const> parts,
                                      const ForwardOptions& options);

// One part without others.
inline absl::Status RunAlone(const Model& model, JointPart& part, const ForwardOptions& options) {
  JointPart* const parts[] = {&part};
  return RunTogether(model, parts, options)[0];
}

}  // namespace circuitd
