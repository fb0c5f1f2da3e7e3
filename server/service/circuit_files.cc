#include "server/service/circuit_files.h"

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/graph/circuit_exports.h"
#include "server/graph/document_text.h"
#include "server/service/version.h"

namespace circuitd {

CircuitDocument NewDocument(const JobPlan& plan) {
  CircuitDocument document;
  document.model_name = plan.model().name();
  document.model_sha256 = plan.material().model_sha256;
  document.config = plan.model().config();
  document.task_json = plan.material().prompts.front().json;
  document.server_version = kVersion;
  document.device = plan.model().device();
  document.dtype = std::string(DTypeName(plan.model().dtype()));
  document.created = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  return document;
}

PlanOutcome CircuitOutcome(std::string result, const CircuitDocument& document) {
  PlanOutcome outcome;
  outcome.result = std::move(result);
  outcome.nodes = document.circuit.nodes;
  outcome.prompt_labels = {TaskTitle(document)};
  outcome.files = {{"circuit.json", "application/json", CircuitJson(document)},
                   {"circuit.dot", "text/vnd.graphviz", CircuitDot(document, HeadInputs::kSplit)},
                   {"circuit.svg", "image/svg+xml", CircuitSvg(document, HeadInputs::kSplit)},
                   {"circuit.graphml", "application/graphml+xml", CircuitGraphMl(document, HeadInputs::kSplit)},
                   {"seqcont.json", "application/json", SeqcontJson(document.circuit.nodes)}};
  if (document.scores) outcome.files.push_back({"eap.json", "application/json", EapJson(document)});
  return outcome;
}

}  // namespace circuitd
