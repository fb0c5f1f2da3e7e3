#include "client/cli/step_rate.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr double kStretch = 10;
constexpr double kBetweenSamples = 0.1;
// Steps that come together say nothing of the next ones.
constexpr double kShortest = 0.5;
// Slow steps: so many are a stretch, however long they take.
constexpr size_t kFewest = 4;

}  // namespace

void StepRate::Add(double seconds, uint64_t steps) {
  if (!std::isfinite(seconds)) return;
  if (!samples_.empty() && (seconds < samples_.back().seconds || steps < samples_.back().steps)) Reset();
  const size_t count = samples_.size();
  // Many steps in no time are one sample.
  if (count >= 2 && samples_[count - 1].seconds - samples_[count - 2].seconds < kBetweenSamples) samples_.pop_back();
  samples_.push_back({seconds, steps});
  while (samples_.size() > kFewest && seconds - samples_[1].seconds >= kStretch) samples_.pop_front();
}

std::optional<double> StepRate::PerSecond() const {
  if (samples_.size() < 2) return std::nullopt;
  const double seconds = samples_.back().seconds - samples_.front().seconds;
  if (seconds < kShortest) return std::nullopt;
  return static_cast<double>(samples_.back().steps - samples_.front().steps) / seconds;
}

std::string RateText(double per_second) {
  if (per_second >= 99.95) return absl::StrCat(WithThousands(static_cast<uint64_t>(std::llround(per_second))), "/s");
  if (per_second >= 0.5) return absl::StrFormat("%.1f/s", per_second);
  return absl::StrFormat("%.1f/min", 60 * per_second);
}

}  // namespace circuitd::client
