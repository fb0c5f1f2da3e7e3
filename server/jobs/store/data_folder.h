// The folder in which a server keeps what outlives it, and the lock that keeps a second server out.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/jobs/store/file_descriptor.h"

namespace circuitd {

class DataFolder {
 public:
  // Makes the folder, for its owner alone, where it is not there, and locks it while the object lives; programs that
  // this process starts don't hold the lock, and a process that ends in whatever way leaves it. FAILED_PRECONDITION
  // when another object, here or in another process, has it, and when something else lies there; PERMISSION_DENIED,
  // RESOURCE_EXHAUSTED or INTERNAL, as FileError says, when it can't be made or written.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& path);

  std::string jobs_file() const { return path_ + "/jobs.sqlite3"; }
  std::string artifacts_folder() const { return path_ + "/artifacts"; }

 private:
  DataFolder(std::string path, FileDescriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const FileDescriptor lock_;
};

}  // namespace circuitd
