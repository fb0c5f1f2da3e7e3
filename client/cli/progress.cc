#include "client/cli/progress.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/cli/node_text.h"
#include "client/cli/text.h"
#include "google/protobuf/duration.pb.h"

namespace circuitd::client {
namespace {

constexpr size_t kWidestBar = 30;
constexpr size_t kNarrowestBar = 8;

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

}  // namespace

std::string ProgressBar(double share, size_t width) {
  const size_t inner = width - 2;
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(inner));
  return absl::StrCat("[", std::string(full, '#'), std::string(inner - full, '-'), "]");
}

std::string StateName(v1::JobState state) {
  absl::string_view name = v1::JobState_Name(state);
  constexpr absl::string_view kPrefix = "JOB_STATE_";
  if (name.empty()) return absl::StrCat("state ", static_cast<int>(state));
  return absl::AsciiStrToLower(name.substr(kPrefix.size()));
}

std::string DecisionText(const v1::PruningDecision& decision) {
  return absl::StrFormat("%s %.2f%% %s", NodeName(decision.node()), decision.score(),
                         decision.removed() ? "removed" : "kept");
}

void JobProgressView::Update(const v1::Job& job) {
  state_ = job.state();
  queue_position_ = job.queue_position();
}

void JobProgressView::Update(const v1::JobEvent& event) {
  if (event.event_case() == v1::JobEvent::kState) state_ = event.state();
  if (!event.has_decision()) return;
  if (!has_decision_ || event.decision().progress().iteration() != progress_.iteration()) {
    iteration_start_ = event.decision().progress().decisions_made() - 1;
  }
  has_decision_ = true;
  progress_ = event.decision().progress();
  decision_ = event.decision().decision();
}

std::string JobProgressView::RenderBar(size_t width) const {
  if (!has_decision_) {
    const std::string ahead = state_ == v1::JOB_STATE_QUEUED ? absl::StrCat(", ", queue_position_, " before it") : "";
    return Truncate(absl::StrCat(StateName(state_), ahead), width);
  }
  const uint64_t done = progress_.decisions_made() - iteration_start_;
  const uint64_t total = done + progress_.candidates_left();
  const double elapsed = Seconds(progress_.elapsed());
  const double rate = elapsed > 0 ? static_cast<double>(progress_.decisions_made()) / elapsed : 0;
  const std::string left =
      progress_.has_remaining_estimate() ? ClockTime(Seconds(progress_.remaining_estimate())) : "-:--";
  // The most important first; the line ends before the first one that does not fit.
  const std::vector<std::string> parts = {
      absl::StrCat(done, "/", total),
      absl::StrCat("ETA ", left),
      DecisionText(decision_),
      absl::StrCat("kept ", decision_.heads_kept(), " heads ", decision_.mlps_kept(), " MLPs"),
      absl::StrFormat("%.1f/s", rate),
      absl::StrCat("iteration ", progress_.iteration() + 1),
  };
  std::string text;
  for (const std::string& part : parts) {
    const std::string longer = absl::StrCat(text, text.empty() ? "" : "  ", part);
    if (kNarrowestBar + 1 + DisplayWidth(longer) > width) break;
    text = longer;
  }
  if (text.empty()) return Truncate(parts.front(), width);
  const size_t room = width - 1 - DisplayWidth(text);
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  return absl::StrCat(ProgressBar(share, std::min(room, kWidestBar)), " ", text);
}

}  // namespace circuitd::client
