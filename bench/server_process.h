// A server of its own for a measurement: started on loopback with an empty data folder, looked at from outside, ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace circuitd {

// Not thread-safe, but for what is const.
class ServerProcess {
 public:
  // Runs `binary` with `flags` and waits until it serves. UNAVAILABLE when it ends, or isn't ready in two minutes; what
  // it has logged is on stderr.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const std::string& binary,
                                                              const std::vector<std::string>& flags);
  // Ends it with SIGTERM, and after half a minute with SIGKILL; its folder goes.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  // Resident bytes; 0 when it has ended.
  int64_t ResidentBytes() const;
  // Of all its threads, since it started.
  double CpuSeconds() const;
  // Sizes of all files of its data folder.
  int64_t DataBytes() const;

 private:
  explicit ServerProcess(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace circuitd
