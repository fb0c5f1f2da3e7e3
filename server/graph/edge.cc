#include "server/graph/edge.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/edge_order.h"
#include "server/graph/node_validation.h"

namespace circuitd {

std::string EdgeName(const Edge& edge) { return absl::StrCat(NodeName(edge.sender), "->", NodeName(edge.receiver)); }

absl::Status ValidateEdge(const ModelConfig& config, const Edge& edge) {
  if (const absl::Status status = ValidateSender(config, edge.sender); !status.ok()) {
    return WithFieldPrefix("sender", status);
  }
  if (const absl::Status status = ValidateReceiver(config, edge.receiver); !status.ok()) {
    return WithFieldPrefix("receiver", status);
  }
  if (SenderRank(config, edge.sender) < SendersBelow(config, edge.receiver)) return absl::OkStatus();
  return InvalidField("sender",
                      absl::StrCat(NodeName(edge.sender), ", is not below the receiver, ", NodeName(edge.receiver)));
}

}  // namespace circuitd
