// evaluation.json: an evaluation's results with everything that they were made with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/circuit/evaluation/evaluation.h"
#include "server/model/config.h"

namespace circuitd {

struct EvaluationDocument {
  struct CircuitSummary {
    std::string label;
    int64_t node_count = 0;             // heads and MLPs
    std::optional<int64_t> edge_count;  // nullopt: a node circuit
  };
  struct TaskSummary {
    std::string label;
    int64_t prompt_count = 0;
    std::string prompts_json;  // a JSON object: the prompts' source as the request gave it
  };

  std::string model_name;
  std::string model_sha256;
  ModelConfig config;
  std::vector<CircuitSummary> circuits;  // by their places in the request
  std::vector<TaskSummary> tasks;
  EvaluationOptions options;
  EvaluationResult result;
  std::string server_version;
  std::string device;
  std::string dtype;
  std::string created;  // RFC 3339, UTC
};

// Fills in `document`'s options, and its circuits and tasks without prompts_json.
void DescribeRequest(const EvaluationRequest& request, EvaluationDocument& document);

// "schema": "circuitd.evaluation/1". Documented in docs/evaluation-json.md.
std::string EvaluationJson(const EvaluationDocument& document);

}  // namespace circuitd
