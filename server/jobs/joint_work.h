// Work that may run together with other work that waits for the same worker.
#pragma once

#include <vector>

#include "absl/status/status.h"

namespace circuitd {

// Called by its worker only.
class JointWork {
 public:
  virtual ~JointWork() = default;

  // Asked when this one's turn has come, of what waits behind it, in order: true takes `other` along. Called with the
  // worker's lock held: it must be quick and call nothing of the worker.
  virtual bool Take(JointWork& other) = 0;
  // Runs this one and all it has taken, which outlive the run. Says how each has ended: this one first, then the others
  // in the order in which they were taken.
  virtual std::vector<absl::Status> Run() = 0;
};

}  // namespace circuitd
