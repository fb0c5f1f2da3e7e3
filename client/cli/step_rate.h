// How fast a job's steps follow one another now.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace circuitd::client {

// Over the last stretch, so that neither what was fast before nor a time in the queue is in it. Keeps few samples
// however many steps there are. Not thread-safe.
class StepRate {
 public:
  // `steps` were done after `seconds` of the job's work. Numbers that go back begin a new stretch.
  void Add(double seconds, uint64_t steps);
  // What was before says nothing of what comes.
  void Reset() { samples_.clear(); }
  // Nullopt until there is a stretch to measure.
  std::optional<double> PerSecond() const;

 private:
  struct Sample {
    double seconds;
    uint64_t steps;
  };
  std::deque<Sample> samples_;  // the last one is the newest and moves; those before keep their distance
};

// "4,213/s", "2.0/s", "1.5/min".
std::string RateText(double per_second);

}  // namespace circuitd::client
