#include "server/graph/edge_taker.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/edge_order.h"
#include "server/graph/node_validation.h"

namespace circuitd {

absl::Status EdgeTaker::Take(const CircuitEntries::EdgeEntry& entry) {
  RETURN_IF_ERROR(ValidateEdge(config_, entry.edge));
  if (seen_.Contains(entry.edge)) {
    return absl::InvalidArgumentError(absl::StrCat(EdgeName(entry.edge), ", is there twice"));
  }
  seen_.Set(entry.edge, true);
  if (entry.in_circuit) circuit_.edges->Set(entry.edge, true);
  if (!entry.score) {
    unscored_ = true;
    return absl::OkStatus();
  }
  scores_.Set(ReceiverRank(config_, entry.edge.receiver), SenderRank(config_, entry.edge.sender), *entry.score);
  if (*entry.score != (entry.in_circuit ? 1 : 0)) repeats_ = false;
  return absl::OkStatus();
}

bool EdgeTaker::TookAll() const { return seen_.size() == EdgeCount(config_); }

}  // namespace circuitd
