#include "bench/measure.h"

#include <time.h>

#include <fstream>
#include <sstream>
#include <string>

namespace circuitd {
namespace {

double Seconds(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Linux gives memory in lines like "VmHWM:     1234 kB".
int64_t StatusBytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key + ":")) continue;
    int64_t kilobytes = 0;
    std::istringstream(line.substr(key.size() + 1)) >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

void Stopwatch::Restart() {
  wall_begin_ = Seconds(CLOCK_MONOTONIC);
  cpu_begin_ = Seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double Stopwatch::wall_seconds() const { return Seconds(CLOCK_MONOTONIC) - wall_begin_; }
double Stopwatch::cpu_seconds() const { return Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin_; }

int64_t ResidentBytes() { return StatusBytes("VmRSS"); }
int64_t PeakResidentBytes() { return StatusBytes("VmHWM"); }

}  // namespace circuitd
