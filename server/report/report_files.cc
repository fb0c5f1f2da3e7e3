#include "server/report/report_files.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/document_text.h"
#include "server/report/decisions_of_circuit.h"

namespace circuitd {
namespace {

const ReportFile* FindFile(const ReportFolder& folder, absl::string_view name) {
  const auto found =
      std::find_if(folder.files.begin(), folder.files.end(), [&](const ReportFile& file) { return file.name == name; });
  return found == folder.files.end() ? nullptr : &*found;
}

const std::string* Find(const ReportFolder& folder, absl::string_view name) {
  const ReportFile* const file = FindFile(folder, name);
  return file == nullptr ? nullptr : &file->bytes;
}

// About a file of the folder, or, if `name` is empty, the folder.
absl::Status About(const ReportFolder& folder, absl::string_view name, const absl::Status& status) {
  const ReportFile* const file = FindFile(folder, name);
  if (file != nullptr && !file->path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(file->path, ": ", status.message()));
  }
  const char* const slash = folder.path.empty() || name.empty() ? "" : "/";
  return absl::InvalidArgumentError(absl::StrCat(folder.path, slash, name, ": ", status.message()));
}

absl::Status Refuse(const ReportFolder& folder, absl::string_view name, absl::string_view problem) {
  return About(folder, name, absl::InvalidArgumentError(problem));
}

// Of another file's model, if it names none itself.
bool LacksDimensions(absl::string_view circuit) {
  const absl::StatusOr<CircuitFormat> format = CircuitFormatOf(circuit);
  return format.ok() && *format == CircuitFormat::kSeqcontJson;
}

class Reader {
 public:
  explicit Reader(const std::optional<ModelIdentity>& model) : model_(model) {}

  absl::Status ReadEvaluation(const ReportFolder& folder) {
    if (content_.evaluation) return Refuse(folder, kEvaluation, "is a second evaluation, a report has one");
    absl::StatusOr<LoggedEvaluation> evaluation = ParseEvaluation(*Find(folder, kEvaluation));
    if (!evaluation.ok()) return About(folder, kEvaluation, evaluation.status());
    RETURN_IF_ERROR(
        TakeModel(folder, kEvaluation, {evaluation->model_name, evaluation->model_sha256, evaluation->config}));
    content_.evaluation = *std::move(evaluation);
    if (const std::string* heads = Find(folder, kHeads)) {
      ASSIGN_OR_RETURN(content_.heads, ReadHeads(folder, *heads));
    }
    for (size_t place = 0; place < content_.evaluation->circuits.size(); ++place) {
      RETURN_IF_ERROR(ReadJudged(folder, place));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ReportedCircuit> ReadCircuit(const ReportFolder& folder) {
    ReportedCircuit circuit;
    ASSIGN_OR_RETURN(circuit.document, ReadDocument(folder, kCircuit));
    circuit.label = folder.label.empty() ? TaskTitle(circuit.document) : folder.label;
    if (const std::string* decisions = Find(folder, kDecisions)) {
      absl::StatusOr<LoggedDecisions> read = ParseDecisions(*decisions, circuit.document.config);
      if (!read.ok()) return About(folder, kDecisions, read.status());
      if (const absl::Status status = CheckDecisionsOf(circuit.document, *read); !status.ok()) {
        return About(folder, kDecisions, status);
      }
      circuit.decisions = *std::move(read);
    }
    if (const std::string* heads = Find(folder, kHeads)) {
      ASSIGN_OR_RETURN(circuit.heads, ReadHeads(folder, *heads));
    }
    return circuit;
  }

  // In place of the same one that was judged, or as one more.
  absl::Status Add(const ReportFolder& folder, ReportedCircuit circuit) {
    for (ReportedCircuit& judged : content_.circuits) {
      if (!judged.evaluated || taken_.contains(*judged.evaluated) || !IsSame(judged.document, circuit.document)) {
        continue;
      }
      taken_.insert(*judged.evaluated);
      judged.document = std::move(circuit.document);
      judged.decisions = std::move(circuit.decisions);
      judged.heads = std::move(circuit.heads);
      return absl::OkStatus();
    }
    if (content_.circuits.size() == kMostReportedCircuits) {
      return Refuse(folder, "",
                    absl::StrCat("is one too many, a report has at most ", kMostReportedCircuits, " circuits"));
    }
    content_.circuits.push_back(std::move(circuit));
    return absl::OkStatus();
  }

  ReportContent Take() { return std::move(content_); }

  static constexpr char kCircuit[] = "circuit.json";
  static constexpr char kDecisions[] = "decisions.jsonl";
  static constexpr char kHeads[] = "heads.json";
  static constexpr char kEvaluation[] = "evaluation.json";

 private:
  // All have to be of one model, of which each may know some.
  absl::Status TakeModel(const ReportFolder& folder, absl::string_view name, const ModelIdentity& identity) {
    if (model_ && !MayBeSameModel(*model_, identity)) {
      return Refuse(
          folder, name,
          absl::StrCat("is of another model, ", ModelWords(identity), "; the report's is ", ModelWords(*model_)));
    }
    CircuitDocument known;
    if (model_) CompleteModel(*model_, known);
    CompleteModel(identity, known);
    model_ = ModelIdentityOf(known);
    return absl::OkStatus();
  }

  static std::string ModelWords(const ModelIdentity& model) {
    return absl::StrCat(model.name.empty() ? "" : CleanText(model.name) + " of ", model.config.n_layers, " layers of ",
                        model.config.n_heads, " heads");
  }

  absl::StatusOr<CircuitDocument> ReadDocument(const ReportFolder& folder, const std::string& name) {
    const std::string& bytes = *Find(folder, name);
    absl::StatusOr<CircuitDocument> document = ParseCircuit(bytes, nullptr);
    // Most files are read once: only of one that can't be read so the format is asked for.
    if (!document.ok() && model_ && LacksDimensions(bytes)) document = ParseCircuit(bytes, &model_->config);
    if (!document.ok()) return About(folder, name, document.status());
    RETURN_IF_ERROR(TakeModel(folder, name, ModelIdentityOf(*document)));
    return document;
  }

  absl::StatusOr<std::vector<HeadDetails>> ReadHeads(const ReportFolder& folder, const std::string& bytes) {
    absl::StatusOr<std::vector<HeadDetails>> heads = ParseHeadDetails(bytes, model_->config);
    if (!heads.ok()) return About(folder, kHeads, heads.status());
    return heads;
  }

  absl::Status ReadJudged(const ReportFolder& folder, size_t place) {
    const std::string name = JudgedCircuitFile(place);
    if (Find(folder, name) == nullptr) return absl::OkStatus();
    ReportedCircuit circuit;
    ASSIGN_OR_RETURN(circuit.document, ReadDocument(folder, name));
    const LoggedEvaluation::CircuitEntry& entry = content_.evaluation->circuits[place];
    const Circuit& is = circuit.document.circuit;
    const bool edges_agree = is.edges ? entry.edge_count == is.edges->size() : !entry.edge_count;
    if (static_cast<int64_t>(is.nodes.size()) != entry.node_count || !edges_agree) {
      return Refuse(folder, name, "is not the circuit that evaluation.json describes: it has other nodes or edges");
    }
    circuit.label = entry.label;
    circuit.evaluated = place;
    content_.circuits.push_back(std::move(circuit));
    return absl::OkStatus();
  }

  static bool IsSame(const CircuitDocument& a, const CircuitDocument& b) {
    return a.circuit.nodes == b.circuit.nodes && a.circuit.edges == b.circuit.edges;
  }

  std::optional<ModelIdentity> model_;
  ReportContent content_;
  std::set<size_t> taken_;  // places of judged circuits that another folder's took
};

}  // namespace

std::string JudgedCircuitFile(size_t place) { return absl::StrCat("circuit-", place, ".json"); }

absl::StatusOr<ReportContent> ReadReportFiles(const std::vector<ReportFolder>& folders,
                                              const std::optional<ModelIdentity>& model) {
  Reader reader(model);
  for (const ReportFolder& folder : folders) {
    if (Find(folder, Reader::kEvaluation) != nullptr) {
      RETURN_IF_ERROR(reader.ReadEvaluation(folder));
    } else if (Find(folder, Reader::kCircuit) == nullptr) {
      return Refuse(folder, "", "has neither circuit.json nor evaluation.json");
    }
  }
  std::vector<std::optional<ReportedCircuit>> circuits(folders.size());
  std::vector<size_t> waiting;
  for (size_t i = 0; i < folders.size(); ++i) {
    if (Find(folders[i], Reader::kEvaluation) != nullptr) continue;
    absl::StatusOr<ReportedCircuit> circuit = reader.ReadCircuit(folders[i]);
    if (circuit.ok()) {
      circuits[i] = *std::move(circuit);
    } else if (LacksDimensions(*Find(folders[i], Reader::kCircuit))) {
      // Perhaps for one that has them.
      waiting.push_back(i);
    } else {
      return circuit.status();
    }
  }
  for (const size_t i : waiting) {
    ASSIGN_OR_RETURN(circuits[i], reader.ReadCircuit(folders[i]));
  }
  for (size_t i = 0; i < folders.size(); ++i) {
    if (circuits[i]) RETURN_IF_ERROR(reader.Add(folders[i], *std::move(circuits[i])));
  }
  return reader.Take();
}

}  // namespace circuitd
