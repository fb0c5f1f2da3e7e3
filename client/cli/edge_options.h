// What the commands that find circuits of edges ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/discovery_options.h"
#include "client/cli/job_plan.h"

namespace circuitd::client {

// `circuit edges`. Plan reads the files of prompts and circuit, here and below.
class EdgePruningOptions {
 public:
  void AddTo(CLI::App& app);
  absl::StatusOr<JobPlan> Plan() const;

 private:
  DiscoveryOptions discovery_;
  std::string circuit_;
  std::optional<double> threshold_;
  v1::PathFreeze freeze_ = v1::PATH_FREEZE_ALL;
  v1::MlpMeans means_ = v1::MLP_MEANS_SEQCONT;
};

// `circuit acdc`.
class AcdcOptions {
 public:
  void AddTo(CLI::App& app);
  absl::StatusOr<JobPlan> Plan() const;

 private:
  DiscoveryOptions discovery_;
  double threshold_ = 0;
  v1::Metric metric_ = v1::METRIC_KL_DIV;
  v1::Ablation ablation_ = v1::ABLATION_RESAMPLE;
};

// `circuit eap`.
class AttributionOptions {
 public:
  void AddTo(CLI::App& app);
  absl::StatusOr<JobPlan> Plan() const;

 private:
  // INVALID_ARGUMENT for options of another method.
  absl::Status CheckMethod() const;
  v1::EdgeSelection Selection() const;

  DiscoveryOptions discovery_;
  v1::AttributionMethod method_ = v1::ATTRIBUTION_METHOD_EAP;
  v1::Metric metric_ = v1::METRIC_LOGIT_DIFF;
  v1::Ablation ablation_ = v1::ABLATION_RESAMPLE;
  std::optional<uint32_t> steps_;
  std::optional<uint64_t> seed_;
  // One of them, or none: the default.
  std::optional<uint64_t> top_k_;
  std::optional<double> threshold_;
  std::optional<uint64_t> greedy_;
  bool signed_scores_ = false;
  bool keep_dangling_ = false;
};

}  // namespace circuitd::client
