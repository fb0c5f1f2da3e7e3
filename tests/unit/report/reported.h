// Contents of reports for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "server/report/report.h"
#include "server/report/report_data.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {

inline ReportedCircuit Reported(CircuitDocument document, LoggedDecisions decisions = {}) {
  ReportedCircuit circuit;
  circuit.label = "numerals";
  circuit.document = std::move(document);
  circuit.decisions = std::move(decisions);
  return circuit;
}

inline ReportContent ContentOf(ReportedCircuit circuit) {
  ReportContent content;
  content.circuits.push_back(std::move(circuit));
  return content;
}

inline nlohmann::json DataOf(const ReportContent& content) { return nlohmann::json::parse(ReportDataJson(content)); }

// What makes pages do what they should not.
inline constexpr char kHostile[] = "</script><script>alert(1)</script><!--&amp;\"'\u202e\u2028\x1b[31m\n\xff]]>";

// Of one circuit of 3 nodes, or of 3 nodes and 5 edges, on one task.
inline std::string EvaluationText(const std::string& circuits, const std::string& cells) {
  return R"({"schema":"circuitd.evaluation/1","model":{"name":"tiny","sha256":"","dims":{"n_layers":2,"n_heads":2}},)"
         R"("parameters":{"ablation":"mean","metric":"logit_diff","random_circuits":20,"seed":18446744073709551615},)"
         R"("circuits":)" +
         circuits + R"(,"tasks":[{"label":"months","prompt_count":96,"prompts":{"task":{"task":"months"}}}],"cells":)" +
         cells + R"(,"run_count":7,"provenance":{"server_version":"0.1.0","device":"cpu"}})";
}

}  // namespace circuitd
