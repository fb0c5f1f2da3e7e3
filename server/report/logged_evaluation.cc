#include "server/report/logged_evaluation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_dims.h"
#include "server/graph/json_fields.h"
#include "server/graph/json_text.h"
#include "server/graph/node_names.h"
#include "server/graph/node_validation.h"

namespace circuitd {
namespace {

using nlohmann::json;
using Evaluation = LoggedEvaluation;

constexpr size_t kMostValues = size_t{4} << 20;
constexpr char kSchema[] = "circuitd.evaluation/1";

// Of an object whose keys are kept in order: they are looked for one after another.
constexpr size_t kMostKeys = 256;

absl::Status CheckKeys(const json& value, const std::string& place) {
  if (value.is_object() && value.size() > kMostKeys) {
    return InvalidField(place, absl::StrCat("has an object of ", value.size(), " keys, must have at most ", kMostKeys));
  }
  if (!value.is_structured()) return absl::OkStatus();
  for (const json& inner : value) RETURN_IF_ERROR(CheckKeys(inner, place));
  return absl::OkStatus();
}

// What is shown as it is, with the file's order of keys, which the rest is read without.
absl::Status ReadShownObjects(absl::string_view text, const json& file, Evaluation* evaluation) {
  for (const char* const key : {"parameters", "tasks"}) RETURN_IF_ERROR(CheckKeys(file[key], key));
  const auto is_shown = [](int depth, FileJson::parse_event_t event, const FileJson& value) {
    return event != FileJson::parse_event_t::key || depth != 1 || value == "parameters" || value == "tasks";
  };
  const FileJson shown = FileJson::parse(text.begin(), text.end(), is_shown, /*allow_exceptions=*/false);
  evaluation->parameters_json = JsonText(shown["parameters"], -1);
  for (size_t i = 0; i < evaluation->tasks.size(); ++i) {
    const FileJson& task = shown["tasks"][i];
    const auto prompts = task.find("prompts");
    if (prompts != task.end() && prompts->is_object()) evaluation->tasks[i].prompts_json = JsonText(*prompts, -1);
  }
  return absl::OkStatus();
}

// Calls `read` with each entry of the array `key`.
template <typename Read>
absl::Status ReadEach(const JsonFields& fields, const char* key, size_t max, const Read& read) {
  ASSIGN_OR_RETURN(const json* const list, fields.Array(key, max));
  for (size_t i = 0; i < list->size(); ++i) {
    ASSIGN_OR_RETURN(const JsonFields entry, JsonFields::Of((*list)[i], fields.Place(key, i)));
    RETURN_IF_ERROR(read(entry));
  }
  return absl::OkStatus();
}

absl::Status ReadModel(const JsonFields& file, Evaluation* evaluation) {
  ASSIGN_OR_RETURN(const JsonFields model, file.Object("model"));
  RETURN_IF_ERROR(model.Read("name", &evaluation->model_name));
  RETURN_IF_ERROR(model.Read("sha256", &evaluation->model_sha256));
  const json* const dims = model.Find("dims");
  if (dims == nullptr || !dims->is_object()) return model.Refuse("dims", "must be an object");
  ASSIGN_OR_RETURN(evaluation->config, ReadDims(FileJson(*dims), "model.dims", nullptr));
  return absl::OkStatus();
}

absl::Status ReadParameters(const JsonFields& file, Evaluation* evaluation) {
  ASSIGN_OR_RETURN(const JsonFields parameters, file.Object("parameters"));
  ASSIGN_OR_RETURN(evaluation->metric, parameters.Text("metric"));
  RETURN_IF_ERROR(parameters.Read("ablation", &evaluation->ablation));
  if (parameters.Find("random_circuits") == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(evaluation->random_circuits, parameters.Count("random_circuits"));
  return absl::OkStatus();
}

absl::Status ReadCircuit(const JsonFields& fields, Evaluation* evaluation) {
  Evaluation::CircuitEntry circuit;
  ASSIGN_OR_RETURN(circuit.label, fields.Text("label"));
  ASSIGN_OR_RETURN(circuit.node_count, fields.Count("node_count"));
  if (fields.Find("edge_count") != nullptr) {
    ASSIGN_OR_RETURN(circuit.edge_count, fields.Count("edge_count"));
  }
  evaluation->circuits.push_back(std::move(circuit));
  return absl::OkStatus();
}

absl::Status ReadTask(const JsonFields& fields, Evaluation* evaluation) {
  Evaluation::TaskEntry task;
  ASSIGN_OR_RETURN(task.label, fields.Text("label"));
  ASSIGN_OR_RETURN(task.prompt_count, fields.Count("prompt_count"));
  if (fields.Find("prompts") != nullptr) RETURN_IF_ERROR(fields.Object("prompts").status());
  evaluation->tasks.push_back(std::move(task));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Evaluation::Random>> ReadRandom(const JsonFields& cell) {
  if (cell.Find("random") == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const JsonFields fields, cell.Object("random"));
  Evaluation::Random random;
  RETURN_IF_ERROR(fields.Read("mean", &random.mean));
  RETURN_IF_ERROR(fields.Read("standard_deviation", &random.standard_deviation));
  RETURN_IF_ERROR(fields.Read("low", &random.low));
  RETURN_IF_ERROR(fields.Read("high", &random.high));
  RETURN_IF_ERROR(fields.Read("as_good", &random.as_good));
  return random;
}

absl::StatusOr<std::variant<Node, Edge>> ReadPart(const JsonFields& fields, const ModelConfig& config) {
  const bool is_edge = fields.Find("edge") != nullptr;
  const char* const key = is_edge ? "edge" : "node";
  ASSIGN_OR_RETURN(const std::string name, fields.Text(key));
  if (!is_edge) {
    const std::optional<Node> node = ParseNodeName(name);
    if (!node || (!node->is_head() && !node->is_mlp()) || !ValidateSender(config, *node).ok()) {
      return fields.Refuse(key, "must be one of the model's heads and MLPs");
    }
    return *node;
  }
  const size_t arrow = name.find("->");
  if (arrow != std::string::npos) {
    const std::optional<Node> sender = ParseNodeName(absl::string_view(name).substr(0, arrow));
    const std::optional<Node> receiver = ParseNodeName(absl::string_view(name).substr(arrow + 2));
    if (sender && receiver && ValidateEdge(config, {*sender, *receiver}).ok()) return Edge{*sender, *receiver};
  }
  return fields.Refuse(key, "must be one of the model's edges");
}

absl::Status ReadDrops(const JsonFields& fields, const ModelConfig& config, Evaluation::Cell* cell) {
  if (fields.Find("drops") == nullptr) return absl::OkStatus();
  return ReadEach(fields, "drops", kMostValues, [&](const JsonFields& entry) -> absl::Status {
    Evaluation::Drop drop;
    ASSIGN_OR_RETURN(drop.part, ReadPart(entry, config));
    RETURN_IF_ERROR(entry.Read("drop", &drop.drop));
    RETURN_IF_ERROR(entry.Read("drop_percent", &drop.drop_percent));
    cell->drops.push_back(drop);
    return absl::OkStatus();
  });
}

absl::Status ReadCurve(const JsonFields& fields, Evaluation::Cell* cell) {
  if (fields.Find("curve") == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const JsonFields curve, fields.Object("curve"));
  RETURN_IF_ERROR(curve.Read("cpr", &cell->cpr));
  RETURN_IF_ERROR(curve.Read("cmd", &cell->cmd));
  return ReadEach(curve, "points", kMostValues, [&](const JsonFields& entry) -> absl::Status {
    Evaluation::CurvePoint point;
    RETURN_IF_ERROR(entry.Read("fraction", &point.fraction));
    ASSIGN_OR_RETURN(point.edge_count, entry.Count("edge_count"));
    RETURN_IF_ERROR(entry.Read("metric", &point.metric));
    RETURN_IF_ERROR(entry.Read("faithfulness", &point.faithfulness));
    cell->curve.push_back(point);
    return absl::OkStatus();
  });
}

absl::StatusOr<Evaluation::Cell> ReadCell(const JsonFields& fields, const Evaluation& evaluation) {
  Evaluation::Cell cell;
  ASSIGN_OR_RETURN(const int64_t circuit,
                   fields.Count("circuit", 0, static_cast<int64_t>(evaluation.circuits.size()) - 1));
  ASSIGN_OR_RETURN(const int64_t task, fields.Count("task", 0, static_cast<int64_t>(evaluation.tasks.size()) - 1));
  cell.circuit = static_cast<size_t>(circuit);
  cell.task = static_cast<size_t>(task);
  RETURN_IF_ERROR(fields.Read("circuit_metric", &cell.circuit_metric));
  RETURN_IF_ERROR(fields.Read("model_metric", &cell.model_metric));
  RETURN_IF_ERROR(fields.Read("empty_metric", &cell.empty_metric));
  RETURN_IF_ERROR(fields.Read("score", &cell.score));
  RETURN_IF_ERROR(fields.Read("faithfulness", &cell.faithfulness));
  ASSIGN_OR_RETURN(cell.random, ReadRandom(fields));
  RETURN_IF_ERROR(ReadDrops(fields, evaluation.config, &cell));
  if (fields.Find("completeness") != nullptr) {
    ASSIGN_OR_RETURN(const JsonFields completeness, fields.Object("completeness"));
    RETURN_IF_ERROR(completeness.Read("incompleteness", &cell.incompleteness));
  }
  RETURN_IF_ERROR(ReadCurve(fields, &cell));
  return cell;
}

absl::Status ReadProvenance(const JsonFields& file, Evaluation* evaluation) {
  if (file.Find("provenance") == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const JsonFields provenance, file.Object("provenance"));
  RETURN_IF_ERROR(provenance.Read("server_version", &evaluation->server_version));
  RETURN_IF_ERROR(provenance.Read("device", &evaluation->device));
  RETURN_IF_ERROR(provenance.Read("dtype", &evaluation->dtype));
  return provenance.Read("created", &evaluation->created);
}

}  // namespace

absl::StatusOr<LoggedEvaluation> ParseEvaluation(absl::string_view text) {
  ASSIGN_OR_RETURN(const json json, ParseFileObject(text, kMaxEvaluationBytes, kMostValues));
  ASSIGN_OR_RETURN(const JsonFields file, JsonFields::Of(json, ""));
  ASSIGN_OR_RETURN(const std::string schema, file.Text("schema"));
  if (schema != kSchema) return file.Refuse("schema", absl::StrCat("must be ", kSchema));
  LoggedEvaluation evaluation;
  RETURN_IF_ERROR(ReadModel(file, &evaluation));
  RETURN_IF_ERROR(ReadParameters(file, &evaluation));
  RETURN_IF_ERROR(ReadEach(file, "circuits", kMostEvaluated,
                           [&](const JsonFields& entry) { return ReadCircuit(entry, &evaluation); }));
  RETURN_IF_ERROR(
      ReadEach(file, "tasks", kMostEvaluated, [&](const JsonFields& entry) { return ReadTask(entry, &evaluation); }));
  if (evaluation.circuits.empty()) return file.Refuse("circuits", "must have at least one entry");
  if (evaluation.tasks.empty()) return file.Refuse("tasks", "must have at least one entry");
  RETURN_IF_ERROR(ReadShownObjects(text, json, &evaluation));
  std::set<std::pair<size_t, size_t>> seen;
  const size_t most_cells = evaluation.circuits.size() * evaluation.tasks.size();
  RETURN_IF_ERROR(ReadEach(file, "cells", most_cells, [&](const JsonFields& entry) -> absl::Status {
    ASSIGN_OR_RETURN(Evaluation::Cell cell, ReadCell(entry, evaluation));
    if (!seen.insert({cell.circuit, cell.task}).second) return entry.Refuse("task", "is there twice for its circuit");
    evaluation.cells.push_back(std::move(cell));
    return absl::OkStatus();
  }));
  std::sort(evaluation.cells.begin(), evaluation.cells.end(), [](const Evaluation::Cell& a, const Evaluation::Cell& b) {
    return std::pair(a.circuit, a.task) < std::pair(b.circuit, b.task);
  });
  RETURN_IF_ERROR(ReadProvenance(file, &evaluation));
  return evaluation;
}

}  // namespace circuitd
