#include "server/service/attribution_log.h"

#include <string>
#include <utility>

#include "base/status.h"
#include "circuitd/v1/edges.pb.h"
#include "server/graph/edge_order.h"
#include "server/service/convert_edges.h"
#include "server/service/convert_graph.h"

namespace circuitd {

absl::StatusOr<std::vector<AttributionStep>> AttributionLog::Past(const PlanRun& run) const {
  std::vector<AttributionStep> steps;
  for (const std::string& payload : run.past_events()) {
    v1::AttributionStep proto;
    if (!proto.ParseFromString(payload)) return absl::DataLossError("a stored step is damaged");
    ASSIGN_OR_RETURN(AttributionStep step, FromProto(proto));
    if (by_receivers_) step.receivers_done = static_cast<int64_t>(steps.size()) + 1;
    steps.push_back(std::move(step));
  }
  return steps;
}

void AttributionLog::Add(const AttributionStep& step, PlanRun& run) {
  if (!pending_) {
    pending_ = step;
  } else {
    for (size_t i = 0; i < step.sums.size(); ++i) pending_->sums[i] += step.sums[i];
    pending_->pairs_done = step.pairs_done;
    pending_->steps_left = step.steps_left;
  }
  if (by_receivers_ || step.steps_left == 0 || IsDue()) Emit(run);
}

bool AttributionLog::IsDue() const {
  if (!emitted_) return true;
  const std::chrono::duration<double> since = Clock::now() - *emitted_;
  return since.count() * kBytesPerSecond >= static_cast<double>(pending_->sums.size() * sizeof(double));
}

void AttributionLog::Emit(PlanRun& run) {
  v1::AttributionStep event = ToProto(*pending_);
  int64_t done = (pending_->pairs_done + pairs_per_step_ - 1) / pairs_per_step_;
  if (by_receivers_) {
    done = pending_->receivers_done;
    const int receiver = ReceiverCount(config_) - static_cast<int>(done);
    *event.mutable_receiver() = ToProto(ReceiverOfRank(config_, receiver));
  }
  run.Emit(event, {done, pending_->steps_left});
  pending_.reset();
  emitted_ = Clock::now();
}

}  // namespace circuitd
