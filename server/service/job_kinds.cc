#include "server/service/job_kinds.h"

#include "server/service/acdc_job.h"
#include "server/service/edge_attribution_job.h"
#include "server/service/edge_pruning_job.h"
#include "server/service/evaluation_job.h"
#include "server/service/node_pruning_job.h"

namespace circuitd {

const JobKind* KindOf(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      return &NodePruningKind();
    case v1::JobSpec::kEdgePruning:
      return &EdgePruningKind();
    case v1::JobSpec::kAcdc:
      return &AcdcKind();
    case v1::JobSpec::kEdgeAttribution:
      return &EdgeAttributionKind();
    case v1::JobSpec::kEvaluation:
      return &EvaluationKind();
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return nullptr;
}

}  // namespace circuitd
