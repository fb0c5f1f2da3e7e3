#include "server/report/report_data.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/graph/document_text.h"
#include "server/graph/json_text.h"
#include "server/report/report_circuit_data.h"
#include "server/report/report_evaluation_data.h"
#include "server/report/report_heads_data.h"
#include "server/report/report_json.h"

namespace circuitd {
namespace {

const std::string& ModelName(const ReportContent& content) {
  static const std::string* const kNone = new std::string;
  if (content.evaluation && !content.evaluation->model_name.empty()) return content.evaluation->model_name;
  for (const ReportedCircuit& circuit : content.circuits) {
    if (!circuit.document.model_name.empty()) return circuit.document.model_name;
  }
  return *kNone;
}

ModelConfig ConfigOf(const ReportContent& content) {
  if (!content.circuits.empty()) return content.circuits.front().document.config;
  return content.evaluation ? content.evaluation->config : ModelConfig();
}

}  // namespace

std::string ReportTitle(const ReportContent& content) {
  if (content.circuits.size() == 1 && !content.evaluation) {
    return ReportText(CircuitTitle(content.circuits.front().document));
  }
  const size_t judged = content.evaluation ? content.evaluation->circuits.size() : 0;
  const size_t count = std::max(judged, content.circuits.size());
  std::string what = absl::StrCat(count, " circuits");
  if (count == 1) what = judged == 1 ? content.evaluation->circuits[0].label : content.circuits[0].label;
  const std::string& model = ModelName(content);
  return ReportText(model.empty() ? what : absl::StrCat(what, " in ", model));
}

std::string ReportDataJson(const ReportContent& content) {
  const ModelConfig config = ConfigOf(content);
  ReportJson circuits = ReportJson::array();
  for (const ReportedCircuit& circuit : content.circuits) circuits.push_back(CircuitData(circuit));
  const ReportJson data = {
      {"title", ReportTitle(content)},
      {"model", {{"name", ReportText(ModelName(content))}, {"n_layers", config.n_layers}, {"n_heads", config.n_heads}}},
      {"circuits", std::move(circuits)},
      {"evaluation", EvaluationData(content)},
      {"heads", HeadsData(content.heads, config)}};
  return JsonText(data, -1);
}

}  // namespace circuitd
