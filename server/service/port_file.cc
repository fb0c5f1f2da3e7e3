#include "server/service/port_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace circuitd {

absl::StatusOr<std::unique_ptr<PortFile>> PortFile::Write(const std::string& path, int port, int metrics_port) {
  const std::string temporary = absl::StrCat(path, ".", getpid());
  std::ofstream file(temporary, std::ios::trunc);
  file << port << "\n" << metrics_port << "\n";
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return absl::FailedPreconditionError(absl::StrCat("--port-file: can't write ", path, ": ", std::strerror(error)));
  }
  return std::unique_ptr<PortFile>(new PortFile(path));
}

void PortFile::Remove() const { unlink(path_.c_str()); }

}  // namespace circuitd
