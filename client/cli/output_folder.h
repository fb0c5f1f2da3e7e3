// The folder that a job's files go to, checked before the job costs anything.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd::client {

// Makes the folder, and what is missing above it, and tries to write in it. INVALID_ARGUMENT if that fails, or if it
// has something in it and not `force`. Not thread-safe.
class OutputFolder {
 public:
  static absl::StatusOr<OutputFolder> Prepare(const std::string& path, bool force);

  // Removes again what Prepare made, as far as it is still empty.
  void Abandon();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> made_;  // outermost first
};

// "circuit-out/numerals-7" for the task's or file's name and "jobs/7". Characters that do not belong into a file's
// name become "_": the server chose the job's.
std::string DefaultOutputFolder(absl::string_view task, absl::string_view job_name);

// The folder in kOutputRoot that this job's files went to before, under whatever task's or file's name, or else the
// default one.
std::string FindOutputFolder(absl::string_view task, absl::string_view job_name);

// The folder above them.
inline constexpr char kOutputRoot[] = "circuit-out";

}  // namespace circuitd::client
