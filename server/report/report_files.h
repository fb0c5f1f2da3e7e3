// What a report is made of, from the files that jobs leave.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/graph/model_identity.h"
#include "server/report/report.h"

namespace circuitd {

struct ReportFile {
  std::string name;  // "circuit.json"
  std::string bytes;
  std::string path = "";  // what messages call it; empty: the folder's and its name
};

// The files of one job, or of one folder; others than these are ignored:
//   circuit.json, of any layout that ParseCircuit reads, with decisions.jsonl and heads.json beside it; or
//   evaluation.json with circuit-0.json, circuit-1.json … , the circuits that were judged, as far as they are known,
//   and heads.json. What else is there is then not looked at.
struct ReportFolder {
  std::string path;   // what messages call it; may be empty
  std::string label;  // of its circuit; empty: by its prompts
  std::vector<ReportFile> files;
};

// The circuits of the evaluation come first, by their places and with its labels. A circuit of another folder that is
// the same as one of these, in nodes and edges, takes its place with all that is known of it; the others follow in
// order. `model` is what files take that name no dimensions, and else the evaluation's or the first that is known.
// INVALID_ARGUMENT begins with the path: a file that is refused, decisions
// of another circuit than the one beside them, neither circuit.json nor evaluation.json, a second
// evaluation, a judged circuit that is not as evaluation.json describes it, another model, over kMostReportedCircuits.
// Depends on contents, labels and order alone: the same files make the same report here and there. Thread-safe.
absl::StatusOr<ReportContent> ReadReportFiles(const std::vector<ReportFolder>& folders,
                                              const std::optional<ModelIdentity>& model = std::nullopt);

inline constexpr char kReportFile[] = "report.html";

// "circuit-0.json", of a judged circuit.
std::string JudgedCircuitFile(size_t place);

}  // namespace circuitd
