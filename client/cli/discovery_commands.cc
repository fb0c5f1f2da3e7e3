// The commands that find circuits: each is its options, run as a job.
#include <memory>

#include "client/cli/command.h"
#include "client/cli/job_options.h"
#include "client/cli/prune_options.h"
#include "client/cli/run_job.h"

namespace circuitd::client {

void AddPruneCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<PruneOptions>(app, context, "prune", "Find a circuit by greedy node pruning: submit, watch, fetch");
}

}  // namespace circuitd::client
