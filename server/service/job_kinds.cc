#include "server/service/job_kinds.h"

#include "server/service/node_pruning_job.h"

namespace circuitd {

const JobKind* KindOf(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      return &NodePruningKind();
    default:
      return nullptr;
  }
}

}  // namespace circuitd
