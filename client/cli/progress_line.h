// One line on standard error that says how far a call is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace circuitd::client {

// "[####------] 37/128 runs  ETA 0:12", at most `width` columns. `seconds` is the time since the start.
std::string ProgressText(const std::string& unit, uint64_t done, uint64_t total, double seconds, size_t width);

// Draws on terminals only, and takes the line away in the end. Not thread-safe.
class ProgressLine {
 public:
  ProgressLine(int fd, std::string unit);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Update(uint64_t done, uint64_t total);

 private:
  const int fd_;
  const bool terminal_;
  const std::string unit_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_;
  bool drawn_ = false;
};

}  // namespace circuitd::client
