#include "client/cli/evaluation_options.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/ablation_options.h"
#include "client/cli/count_option.h"
#include "client/cli/metric_options.h"

namespace circuitd::client {

CLI::Option* JudgingOptions::AddTo(CLI::App& app) {
  CLI::Option* model = app.add_option("--model,-m", model_, "The model's name");
  const size_t before = app.get_options().size();
  prompts_.AddTo(app);
  AddAblationOption(app, ablation_, "mean");
  AddMeansOption(app, means_,
                 "seqcont, or clean with other metrics than logit_diff; of node circuits with --ablation mean");
  AddMetricOption(app, metric_, "logit_diff");
  app.add_flag("--patch-into-corrupted", patch_into_corrupted_,
               "Another run: the corrupted one with the circuit's edges patched; with --ablation resample");
  AddCountOption(app, "--random", random_circuits_, "Random circuits of the same size to compare with (default: 20)");
  AddCountOption(app, "--random-seed", seed_, "Seed of random circuits and subsets")->capture_default_str();
  app.add_flag("--drop-one", drop_one_, "What is lost without each node, and each edge of an edge circuit");
  AddCountOption(app, "--knockouts", knockouts_,
                 "Completeness by this many random subsets, out of circuit and model alike");
  CLI::Option* curve = app.add_flag("--curve", curve_,
                                    "Faithfulness of the best 0.1 to 100 % of the edges, where a circuit has scores "
                                    "of all, and the area under it: CPR and CMD");
  app.add_flag("--greedy", greedy_, "The curve's edges from the logits down, as eap --greedy")->needs(curve);
  app.add_flag("--signed", signed_scores_, "The curve's edges by scores as they are, as eap --signed")->needs(curve);
  AddCountOption(app, "--top", top_, "Parts in a table of what is lost without them")->capture_default_str();
  const std::vector<CLI::Option*> all = app.get_options();
  options_.assign(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
  return model;
}

const CLI::Option* JudgingOptions::IdleOption() const {
  if (given()) return nullptr;
  const auto idle =
      std::find_if(options_.begin(), options_.end(), [](const CLI::Option* option) { return option->count() > 0; });
  return idle == options_.end() ? nullptr : *idle;
}

absl::StatusOr<JobPlan> JudgingOptions::Plan(std::vector<LocalCircuit> circuits) const {
  JobPlan plan;
  plan.name = "eval";
  plan.top = top_;
  v1::EvaluationSpec& spec = *plan.spec.mutable_evaluation();
  spec.set_model(model_);
  spec.set_ablation(ablation_);
  spec.set_means(means_);
  spec.set_metric(metric_);
  if (patch_into_corrupted_) spec.set_run(v1::CIRCUIT_RUN_PATCH_INTO_CORRUPTED);
  if (random_circuits_) spec.set_random_circuits(*random_circuits_);
  spec.set_seed(seed_);
  spec.set_drop_one(drop_one_);
  spec.set_knockout_subsets(knockouts_);
  spec.set_curve(curve_);
  if (curve_) {
    v1::EdgeSelection& selection = *spec.mutable_curve_selection();
    if (greedy_) {
      selection.set_greedy(0);
    } else {
      selection.set_top_k(0);
    }
    selection.set_signed_scores(signed_scores_);
  }
  ASSIGN_OR_RETURN(const std::vector<PromptSet> sets, prompts_.Sets());
  std::set<std::string> taken;
  for (const PromptSet& set : sets) {
    const int index = spec.tasks_size();
    v1::EvaluationTask& task = *spec.add_tasks();
    *task.mutable_prompts() = set.Source();
    task.set_label(FreeLabel(ShortLabel(set.Name()), taken));
    ASSIGN_OR_RETURN(LocalPrompts local, set.ReadFiles());
    plan.uploads.push_back([local = std::move(local), index](Client& client, v1::JobSpec& job) {
      return UploadPrompts(client, local, *job.mutable_evaluation()->mutable_tasks(index)->mutable_prompts());
    });
  }
  for (LocalCircuit& circuit : circuits) {
    const int index = spec.circuits_size();
    *spec.add_circuits() = circuit.source;
    plan.uploads.push_back([circuit = std::move(circuit), index](Client& client, v1::JobSpec& job) {
      return UploadCircuit(client, circuit, *job.mutable_evaluation()->mutable_circuits(index));
    });
  }
  return plan;
}

void EvaluationOptions::AddTo(CLI::App& app) {
  judging_.AddTo(app)->required();
  app.add_option("--circuit", circuits_, absl::StrCat(kCircuitHelp, "; repeatable"))
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE|JOB");
}

absl::StatusOr<JobPlan> EvaluationOptions::Plan() const {
  ASSIGN_OR_RETURN(std::vector<LocalCircuit> circuits, ReadCircuitSources(circuits_));
  return judging_.Plan(std::move(circuits));
}

}  // namespace circuitd::client
