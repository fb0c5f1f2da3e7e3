// What a process took: time on the clock, time of its threads, memory.
#pragma once

#include <cstdint>

namespace circuitd {

// Seconds since it was made, or since `Restart`. Not thread-safe.
class Stopwatch {
 public:
  Stopwatch() { Restart(); }
  void Restart();
  double wall_seconds() const;
  double cpu_seconds() const;  // of all of the process's threads

 private:
  double wall_begin_ = 0, cpu_begin_ = 0;
};

// Resident bytes, files that it maps included: now, and the most since it started.
int64_t ResidentBytes();
int64_t PeakResidentBytes();

}  // namespace circuitd
