#include "client/cli/progress.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/escape_text.h"
#include "client/cli/job_kind.h"
#include "client/cli/proto_duration.h"
#include "client/cli/queue_text.h"
#include "client/cli/step_text.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kWidestBar = 30;
constexpr size_t kNarrowestBar = 8;

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

void JobProgressView::Update(const v1::Job& job) {
  state_ = job.state();
  job_sequence_ = job.last_sequence();
  begun_ = begun_ || job.has_start_time();
  waiting_ = job;
  spec_ = job.spec();
  if (job.has_progress()) progress_ = job.progress();
}

void JobProgressView::Refresh(const v1::Job& job) {
  if (state_ == v1::JOB_STATE_QUEUED && job.state() == v1::JOB_STATE_QUEUED) waiting_ = job;
}

void JobProgressView::Update(const v1::JobEvent& event) {
  const bool old = event.sequence() > 0 && event.sequence() <= job_sequence_;
  sequence_ = event.sequence();
  if (event.event_case() == v1::JobEvent::kState) {
    begun_ = begun_ || event.state() == v1::JOB_STATE_RUNNING;
    if (old) return;
    state_ = event.state();
    if (state_ == v1::JOB_STATE_QUEUED) rate_.Reset();
    waiting_.reset();
  }
  if (event.has_decision() || event.has_step()) UpdateStep(event);
}

void JobProgressView::UpdateStep(const v1::JobEvent& event) {
  begun_ = true;
  last_step_ = StepText(event, spec_);
  kept_ = KeptText(event);
  if (event.has_step()) {
    if (event.step().has_evaluation()) counted_ = event.step().evaluation().index() + 1;
    if (event.step().has_progress()) Take(event.step().progress());
    return;
  }
  if (event.decision().has_edge_decision()) {
    counted_ = event.decision().edge_decision().index() + 1;
  } else {
    const v1::PruningDecision& decision = event.decision().decision();
    if (iteration_ != decision.iteration()) iteration_start_ = decision.index();
    iteration_ = decision.iteration();
    counted_ = decision.index() + 1;
  }
  // One of long ago comes without: what the job said is newer.
  if (event.decision().has_progress()) Take(event.decision().progress());
}

void JobProgressView::Take(const v1::JobProgress& progress) {
  progress_ = progress;
  rate_.Add(Seconds(progress.elapsed()), progress.steps_done());
}

uint64_t JobProgressView::StepsDone() const { return std::max<uint64_t>(progress_.steps_done(), counted_); }

std::string JobProgressView::QueuedText() const {
  const std::string text = waiting_ ? QueueText(*waiting_, absl::Now(), absl::LocalTimeZone()) : "";
  return absl::StrCat(begun_ ? "queued again" : "queued", text.empty() ? "" : ", ", EscapeText(text));
}

std::string JobProgressView::RenderBar(size_t width) const {
  if (state_ == v1::JOB_STATE_QUEUED) {
    const uint64_t made = StepsDone();
    const std::string so_far = made > 0 ? absl::StrCat("; ", CountOf(made, StepNoun(spec_)), " so far") : "";
    return Truncate(absl::StrCat(QueuedText(), so_far), width);
  }
  if (last_step_.empty()) {
    return Truncate(absl::StrCat(StateName(state_), waiting_ ? EscapeText(HeldBackText(*waiting_)) : ""), width);
  }
  const uint64_t made = StepsDone();
  const uint64_t done = made - std::min(iteration_start_, made);
  const uint64_t total = done + progress_.steps_left();
  const std::string left =
      progress_.has_remaining_estimate() ? ClockTime(Seconds(progress_.remaining_estimate())) : "-:--";
  // The most important first; the line ends before the first one that does not fit.
  std::vector<std::string> parts = {absl::StrCat(done, "/", total), absl::StrCat("ETA ", left), last_step_};
  if (!kept_.empty()) parts.push_back(absl::StrCat("kept ", kept_));
  if (const auto rate = rate_.PerSecond()) parts.push_back(RateText(*rate));
  if (iteration_) parts.push_back(absl::StrCat("iteration ", *iteration_ + 1));
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
