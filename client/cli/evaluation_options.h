// What `circuit eval`, and the evaluation in a `circuit diff`, ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "client/cli/circuit_source.h"
#include "client/cli/evaluation_report.h"
#include "client/cli/job_plan.h"
#include "client/cli/prompt_sets_options.h"

namespace circuitd::client {

// --model, sets of prompts, and how circuits are judged.
class JudgingOptions {
 public:
  // Returns --model.
  CLI::Option* AddTo(CLI::App& app);
  const std::string& model() const { return model_; }
  // Whether there are prompts to judge on.
  bool given() const { return prompts_.given(); }
  // An option given that says nothing without prompts, where there are none; else nullptr.
  const CLI::Option* IdleOption() const;
  size_t top() const { return top_; }
  // Reads the prompts' files.
  absl::StatusOr<JobPlan> Plan(std::vector<LocalCircuit> circuits) const;

 private:
  std::string model_;
  PromptSetsOptions prompts_;
  v1::Ablation ablation_ = v1::ABLATION_MEAN;
  v1::MlpMeans means_ = v1::MLP_MEANS_UNSPECIFIED;
  v1::Metric metric_ = v1::METRIC_LOGIT_DIFF;
  bool patch_into_corrupted_ = false;
  std::optional<uint32_t> random_circuits_;
  uint64_t seed_ = 0;
  bool drop_one_ = false;
  uint32_t knockouts_ = 0;
  bool curve_ = false;
  bool greedy_ = false;
  bool signed_scores_ = false;
  size_t top_ = kEvaluationRows;
  // All but --model.
  std::vector<const CLI::Option*> options_;
};

// With --circuit.
class EvaluationOptions {
 public:
  void AddTo(CLI::App& app);
  // Reads the files of prompts and circuits.
  absl::StatusOr<JobPlan> Plan() const;

 private:
  JudgingOptions judging_;
  std::vector<std::string> circuits_;
};

}  // namespace circuitd::client
