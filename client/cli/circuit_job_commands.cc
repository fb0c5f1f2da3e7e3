// The commands that find and judge circuits: each is its options, run as a job.
#include "client/cli/command.h"
#include "client/cli/edge_options.h"
#include "client/cli/evaluation_options.h"
#include "client/cli/prune_options.h"
#include "client/cli/run_job.h"

namespace circuitd::client {

void AddPruneCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<PruneOptions>(app, context, "prune", "Find a circuit by greedy node pruning: submit, watch, fetch");
}

void AddEdgesCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<EdgePruningOptions>(app, context, "edges",
                                    "Find the edges among a circuit's nodes, by path patching inside it");
}

void AddAcdcCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<AcdcOptions>(app, context, "acdc", "Find a circuit of edges by ACDC: one after the other is ablated");
}

void AddEapCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<AttributionOptions>(app, context, "eap",
                                    "Find a circuit of edges by scores of all: EAP, EAP-IG, exact effects, random");
}

void AddEvalCommand(CLI::App& app, CommandContext& context) {
  AddJobCommand<EvaluationOptions>(app, context, "eval", "Judge circuits: every circuit on every task");
}

}  // namespace circuitd::client
