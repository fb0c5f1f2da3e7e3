// What found a circuit, and by what number it chose.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include "server/graph/circuit_document.h"
#include "server/graph/json_text.h"

namespace circuitd {

struct CircuitMethod {
  std::string name;  // "acdc", "" if it is not known
  double threshold = std::numeric_limits<double>::quiet_NaN();
  double model_metric = std::numeric_limits<double>::quiet_NaN();

  // What decisions about edges compare with the threshold.
  std::string Criterion() const {
    if (name == "edge_pruning") return "part of the logit difference left";
    return name == "acdc" ? "growth of the loss" : "criterion";
  }
};

inline CircuitMethod MethodOf(const CircuitDocument& document) {
  CircuitMethod method;
  const auto parameters = JsonObjectOf(document.parameters_json), results = JsonObjectOf(document.results_json);
  if (const auto name = parameters.find("method"); name != parameters.end() && name->is_string()) {
    method.name = name->get<std::string>();
  }
  const auto number = [](const nlohmann::ordered_json& object, const char* key, double* value) {
    if (const auto found = object.find(key); found != object.end() && found->is_number()) *value = found->get<double>();
  };
  number(parameters, "threshold", &method.threshold);
  number(results, "model_metric", &method.model_metric);
  return method;
}

}  // namespace circuitd
