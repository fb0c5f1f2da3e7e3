// A file that says on which ports a server listens, for scripts that let the kernel pick them.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace circuitd {

// The file is there while this is.
class PortFile {
 public:
  // Writes "port\nmetrics_port\n"; a reader sees the whole file or none. The error names the file.
  static absl::StatusOr<std::unique_ptr<PortFile>> Write(const std::string& path, int port, int metrics_port);
  ~PortFile() { Remove(); }
  PortFile(const PortFile&) = delete;
  PortFile& operator=(const PortFile&) = delete;

  // Thread-safe.
  void Remove() const;

 private:
  explicit PortFile(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace circuitd
