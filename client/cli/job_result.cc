#include "client/cli/job_result.h"

#include "client/cli/evaluation_report.h"
#include "client/cli/report.h"
#include "client/cli/summary.h"

namespace circuitd::client {

void PrintResult(CommandContext& context, const v1::Job& job, size_t top) {
  Output& out = context.out();
  switch (job.result_case()) {
    case v1::Job::kNodePruning:
      return out.Write(PruningSummary(job.node_pruning()));
    case v1::Job::kEdgeCircuit:
      return out.Write(EdgeCircuitSummary(job.edge_circuit()));
    case v1::Job::kEvaluation: {
      Report report;
      AddEvaluation(job, top, report);
      return out.Write(report.Render(out.table_width(), out.colour_depth()));
    }
    case v1::Job::RESULT_NOT_SET:
      break;
  }
}

}  // namespace circuitd::client
