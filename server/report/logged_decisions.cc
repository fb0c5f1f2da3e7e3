#include "server/report/logged_decisions.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/json_fields.h"
#include "server/graph/node_names.h"
#include "server/graph/node_validation.h"

namespace circuitd {
namespace {

// Of a line; a decision has a dozen values in some 200 bytes.
constexpr size_t kMostLineBytes = size_t{1} << 16;
constexpr size_t kMostLineValues = 1024;
constexpr int kMostNumber = std::numeric_limits<int>::max();

absl::StatusOr<Node> ReadNodeName(const JsonFields& line, const char* key) {
  ASSIGN_OR_RETURN(const std::string name, line.Text(key));
  const std::optional<Node> node = ParseNodeName(name);
  if (!node) return line.Refuse(key, "must be the name of a node");
  return *node;
}

absl::StatusOr<LoggedNodeDecision> ReadNodeDecision(const JsonFields& line, const ModelConfig& config) {
  LoggedNodeDecision decision;
  ASSIGN_OR_RETURN(decision.node, ReadNodeName(line, "name"));
  if (!decision.node.is_head() && !decision.node.is_mlp()) return line.Refuse("name", "must be a head or an MLP");
  if (const absl::Status status = ValidateSender(config, decision.node); !status.ok()) {
    return WithFieldPrefix("name", status);
  }
  RETURN_IF_ERROR(line.Read("score", &decision.score));
  ASSIGN_OR_RETURN(decision.removed, line.Flag("removed"));
  ASSIGN_OR_RETURN(const int64_t iteration, line.Count("iteration", 0, kMostNumber));
  ASSIGN_OR_RETURN(const int64_t heads, line.Count("heads_kept", 0, kMostNumber));
  ASSIGN_OR_RETURN(const int64_t mlps, line.Count("mlps_kept", 0, kMostNumber));
  ASSIGN_OR_RETURN(const std::string direction, line.Text("direction"));
  if (direction != "backward" && direction != "forward") {
    return line.Refuse("direction", "must be \"backward\" or \"forward\"");
  }
  decision.iteration = static_cast<int>(iteration);
  decision.backward = direction == "backward";
  decision.heads_kept = static_cast<int>(heads);
  decision.mlps_kept = static_cast<int>(mlps);
  return decision;
}

absl::StatusOr<LoggedEdgeDecision> ReadEdgeDecision(const JsonFields& line, const ModelConfig& config) {
  LoggedEdgeDecision decision;
  ASSIGN_OR_RETURN(decision.edge.sender, ReadNodeName(line, "sender"));
  ASSIGN_OR_RETURN(decision.edge.receiver, ReadNodeName(line, "receiver"));
  RETURN_IF_ERROR(ValidateEdge(config, decision.edge));
  RETURN_IF_ERROR(line.Read("metric", &decision.metric));
  RETURN_IF_ERROR(line.Read("criterion", &decision.criterion));
  ASSIGN_OR_RETURN(decision.removed, line.Flag("removed"));
  ASSIGN_OR_RETURN(decision.edges_kept, line.Count("edges_kept"));
  return decision;
}

// Adds the line's decision, which is of the kind of those before it.
absl::Status ReadLine(absl::string_view text, int64_t index, const ModelConfig& config, LoggedDecisions* decisions) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseFileObject(text, kMostLineBytes, kMostLineValues));
  ASSIGN_OR_RETURN(const JsonFields line, JsonFields::Of(json, ""));
  const bool of_edges = line.Find("sender") != nullptr;
  if (std::holds_alternative<std::monostate>(*decisions)) {
    of_edges ? void(decisions->emplace<std::vector<LoggedEdgeDecision>>())
             : void(decisions->emplace<std::vector<LoggedNodeDecision>>());
  }
  ASSIGN_OR_RETURN(const int64_t given, line.Count("index"));
  if (given != index) return line.Refuse("index", absl::StrCat("must be ", index));
  auto* edges = std::get_if<std::vector<LoggedEdgeDecision>>(decisions);
  if (of_edges != (edges != nullptr)) {
    return absl::InvalidArgumentError(of_edges ? "is of an edge, those before are of nodes"
                                               : "is of a node, those before are of edges");
  }
  if (edges != nullptr) {
    ASSIGN_OR_RETURN(const LoggedEdgeDecision decision, ReadEdgeDecision(line, config));
    edges->push_back(decision);
  } else {
    ASSIGN_OR_RETURN(const LoggedNodeDecision decision, ReadNodeDecision(line, config));
    std::get<std::vector<LoggedNodeDecision>>(*decisions).push_back(decision);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoggedDecisions> ParseDecisions(absl::string_view text, const ModelConfig& config) {
  if (text.size() > kMaxDecisionsBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " bytes, must be at most ", kMaxDecisionsBytes));
  }
  LoggedDecisions decisions;
  for (int64_t index = 0; !text.empty(); ++index) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const absl::Status status = ReadLine(text.substr(0, end), index, config, &decisions); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", index + 1, ": ", status.message()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return decisions;
}

}  // namespace circuitd
