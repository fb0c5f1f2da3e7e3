#include "client/cli/top_feed.h"

#include <utility>

#include "client/cli/proto_duration.h"

namespace circuitd::client {

TopFeed::TopFeed(TopSnapshot first, absl::Duration patience, absl::Time now, TopState& state)
    : state_(state), patience_(patience), heard_(now) {
  MeasureRates(first);
  state_.snapshot = std::move(first);
  state_.now = state_.taken = now;
}

void TopFeed::Update(std::optional<absl::StatusOr<TopSnapshot>> heard, absl::Time now) {
  if (heard) {
    heard_ = now;
    trouble_ = heard->status();
    if (heard->ok()) {
      newest_ = *std::move(*heard);
      newest_taken_ = now;
      MeasureRates(*newest_);
    }
  } else if (trouble_.ok() && now - heard_ > patience_) {
    trouble_ = absl::DeadlineExceededError("it is connected, and silent");
  }
  if (state_.paused) return;
  state_.now = now;
  state_.trouble = trouble_;
  if (!newest_) return;
  state_.before = std::move(state_.snapshot.info);
  state_.snapshot = *std::exchange(newest_, std::nullopt);
  state_.taken = newest_taken_;
  state_.rates.clear();
  for (const auto& [job, rate] : rates_) {
    if (const auto per_second = rate.PerSecond()) state_.rates[job] = *per_second;
  }
}

void TopFeed::MeasureRates(const TopSnapshot& snapshot) {
  std::map<std::string, StepRate> rates;
  for (const v1::Job& job : snapshot.running) {
    StepRate& rate = rates[job.name()] = std::move(rates_[job.name()]);
    rate.Add(Seconds(job.progress().elapsed()), job.progress().steps_done());
  }
  rates_ = std::move(rates);
}

}  // namespace circuitd::client
