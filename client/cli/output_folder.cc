#include "client/cli/output_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

namespace fs = std::filesystem;

absl::Status CannotUse(absl::string_view path, absl::string_view why) {
  return InvalidField("output", absl::StrCat("'", path, "' cannot be used: ", why));
}

absl::Status TryToWrite(const std::string& path) {
  std::string name = absl::StrCat(path, "/.circuit-XXXXXX");
  const int fd = mkstemp(name.data());
  if (fd < 0) return CannotUse(path, absl::ErrnoToStatus(errno, "no file can be made in it").message());
  close(fd);
  unlink(name.c_str());
  return absl::OkStatus();
}

std::string FileNameFrom(absl::string_view text) {
  std::string name(text.substr(0, 100));
  for (char& c : name) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(0, 1, '_');
  return name;
}

}  // namespace

absl::StatusOr<OutputFolder> OutputFolder::Prepare(const std::string& path, bool force) {
  OutputFolder folder;
  folder.path_ = path;
  std::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error || path.empty()) return CannotUse(path, "not a path");
  fs::path made;
  for (const fs::path& part : absolute) {
    made /= part;
    if (part.empty()) continue;
    if (fs::create_directory(made, error)) folder.made_.push_back(made.string());
    if (error) {
      folder.Abandon();
      return CannotUse(path, error.message());
    }
  }
  if (!force && folder.made_.empty() && !fs::is_empty(absolute, error)) {
    return InvalidField("output", error ? absl::StrCat("'", path, "' cannot be used: ", error.message())
                                        : absl::StrCat("'", path, "' is not empty; --force writes into it"));
  }
  if (const absl::Status writable = TryToWrite(path); !writable.ok()) {
    folder.Abandon();
    return writable;
  }
  return folder;
}

void OutputFolder::Abandon() {
  while (!made_.empty()) {
    rmdir(made_.back().c_str());  // fails if it is not empty, as it should
    made_.pop_back();
  }
}

std::string FindOutputFolder(absl::string_view task, absl::string_view job_name) {
  const std::string path = DefaultOutputFolder(task, job_name);
  std::error_code error;
  if (fs::exists(path, error)) return path;
  const std::string id = FileNameFrom(absl::StripPrefix(job_name, "jobs/"));
  for (fs::directory_iterator entry(kOutputRoot, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_folder = entry->is_directory(error);
    if (is_folder && (name == id || absl::EndsWith(name, absl::StrCat("-", id)))) return entry->path().string();
  }
  return path;
}

std::string DefaultOutputFolder(absl::string_view task, absl::string_view job_name) {
  return absl::StrCat(kOutputRoot, "/",
                      FileNameFrom(absl::StrCat(task, task.empty() ? "" : "-", absl::StripPrefix(job_name, "jobs/"))));
}

}  // namespace circuitd::client
