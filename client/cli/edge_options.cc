#include "client/cli/edge_options.h"

#include <map>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/ablation_options.h"
#include "client/cli/choice_option.h"
#include "client/cli/circuit_source.h"
#include "client/cli/count_option.h"
#include "client/cli/metric_options.h"

namespace circuitd::client {
namespace {

constexpr uint64_t kDefaultTopK = 200;

}  // namespace

void EdgePruningOptions::AddTo(CLI::App& app) {
  discovery_.AddTo(app);
  app.add_option("--circuit", circuit_, kCircuitHelp)->required()->type_name("FILE|JOB");
  app.add_option("--threshold", threshold_,
                 "An edge stays if, with it patched, less than this part of the model's logit difference is left "
                 "(default: 0.8)");
  AddFreezeOption(app, freeze_);
  AddMeansOption(app, means_, "seqcont");
}

absl::StatusOr<JobPlan> EdgePruningOptions::Plan() const {
  v1::EdgePruningSpec pruning;
  ASSIGN_OR_RETURN(LocalCircuit circuit, ReadCircuitSource(circuit_));
  *pruning.mutable_circuit() = circuit.source;
  if (threshold_) pruning.set_threshold(*threshold_);
  pruning.set_freeze(freeze_);
  pruning.set_means(means_);
  ASSIGN_OR_RETURN(JobPlan plan, discovery_.Plan(std::move(pruning), &v1::JobSpec::mutable_edge_pruning));
  plan.uploads.push_back([circuit = std::move(circuit)](Client& client, v1::JobSpec& spec) {
    return UploadCircuit(client, circuit, *spec.mutable_edge_pruning()->mutable_circuit());
  });
  return plan;
}

void AcdcOptions::AddTo(CLI::App& app) {
  discovery_.AddTo(app);
  app.add_option("--threshold", threshold_, "An edge leaves if the loss grows by less than this without it")
      ->required();
  AddMetricOption(app, metric_, "kl_div");
  AddAblationOption(app, ablation_, "resample");
}

absl::StatusOr<JobPlan> AcdcOptions::Plan() const {
  v1::AcdcSpec acdc;
  acdc.set_threshold(threshold_);
  acdc.set_metric(metric_);
  acdc.set_ablation(ablation_);
  return discovery_.Plan(std::move(acdc), &v1::JobSpec::mutable_acdc);
}

void AttributionOptions::AddTo(CLI::App& app) {
  discovery_.AddTo(app);
  const std::map<std::string, v1::AttributionMethod> methods = {
      {"eap", v1::ATTRIBUTION_METHOD_EAP},
      {"eap-ig", v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS},
      {"eap-ig-activations", v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS},
      {"exact", v1::ATTRIBUTION_METHOD_EXACT},
      {"random", v1::ATTRIBUTION_METHOD_RANDOM}};
  AddChoiceOption(app, "--method", method_, methods,
                  "eap (default): one gradient; eap-ig: gradients between corrupted and clean embeddings; "
                  "eap-ig-activations: between corrupted and clean activations; exact: each edge ablated; random: the "
                  "baseline",
                  "METHOD");
  AddCountOption(app, "--steps", steps_, "Steps of the integrated gradients of the eap-ig methods (default: 5)");
  AddMetricOption(app, metric_, "logit_diff");
  AddAblationOption(app, ablation_, "resample");
  AddCountOption(app, "--random-seed", seed_, "Seed of --method random (default: 0)");
  CLI::Option* top_k = AddCountOption(
      app, "--top-k", top_k_,
      absl::StrCat("The circuit is this many edges of the highest scores (default: ", kDefaultTopK, ")"));
  CLI::Option* threshold = app.add_option("--score-threshold", threshold_, "Instead: the edges of this score and more");
  CLI::Option* greedy =
      AddCountOption(app, "--greedy", greedy_,
                     "Instead: this many edges, from the logits down always the best one into what is in already");
  threshold->excludes(top_k);
  greedy->excludes(top_k)->excludes(threshold);
  app.add_flag("--signed", signed_scores_, "Choose by scores as they are (default: by their size, without the sign)");
  app.add_flag("--keep-dangling", keep_dangling_, "Keep chosen edges that lead nowhere, or from nowhere");
}

v1::EdgeSelection AttributionOptions::Selection() const {
  v1::EdgeSelection selection;
  if (threshold_) {
    selection.set_threshold(*threshold_);
  } else if (greedy_) {
    selection.set_greedy(*greedy_);
  } else {
    selection.set_top_k(top_k_.value_or(kDefaultTopK));
  }
  selection.set_signed_scores(signed_scores_);
  selection.set_keep_dangling(keep_dangling_);
  return selection;
}

absl::Status AttributionOptions::CheckMethod() const {
  const bool has_steps =
      method_ == v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS || method_ == v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS;
  if (steps_ && !has_steps) return InvalidField("--steps", "only with --method eap-ig or eap-ig-activations");
  if (seed_ && method_ != v1::ATTRIBUTION_METHOD_RANDOM) {
    return InvalidField("--random-seed", "only with --method random");
  }
  return absl::OkStatus();
}

absl::StatusOr<JobPlan> AttributionOptions::Plan() const {
  RETURN_IF_ERROR(CheckMethod());
  v1::EdgeAttributionSpec attribution;
  attribution.set_method(method_);
  attribution.set_metric(metric_);
  attribution.set_ablation(ablation_);
  if (steps_) attribution.set_steps(*steps_);
  attribution.set_seed(seed_.value_or(0));
  *attribution.mutable_selection() = Selection();
  return discovery_.Plan(std::move(attribution), &v1::JobSpec::mutable_edge_attribution);
}

}  // namespace circuitd::client
