#include "bench/server_process.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace circuitd {
namespace {

namespace fs = std::filesystem;
constexpr absl::Duration kReadyWithin = absl::Minutes(2), kEndsWithin = absl::Seconds(30);
constexpr absl::Duration kLookEvery = absl::Milliseconds(20);

bool HasEnded(pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; }

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const std::string& binary,
                                                                    const std::vector<std::string>& flags) {
  std::string pattern = fs::temp_directory_path() / "circuitd-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return absl::UnavailableError(absl::StrCat("can't make ", pattern));
  std::unique_ptr<ServerProcess> server(new ServerProcess(pattern));
  const std::string port_file = pattern + "/ports";
  std::vector<std::string> words = {
      binary,        "--address",   "127.0.0.1:0", "--metrics-address", "",
      "--port-file", port_file,     "--data-dir",  pattern + "/data",   "--hugging-face-cache",
      "off",         "--log-level", "warning"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (const int error = ::posix_spawn(&server->pid_, binary.c_str(), nullptr, nullptr, argv.data(), environ)) {
    server->pid_ = -1;
    return absl::UnavailableError(absl::StrCat(binary, ": ", std::generic_category().message(error)));
  }
  for (const absl::Time begin = absl::Now(); absl::Now() - begin < kReadyWithin; absl::SleepFor(kLookEvery)) {
    int port = 0;
    if (std::ifstream(port_file) >> port) {
      server->address_ = absl::StrCat("127.0.0.1:", port);
      return server;
    }
    if (HasEnded(server->pid_)) {
      server->pid_ = -1;
      return absl::UnavailableError(absl::StrCat(binary, " has ended"));
    }
  }
  return absl::UnavailableError(absl::StrCat(binary, " isn't ready after ", absl::FormatDuration(kReadyWithin)));
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    const absl::Time begin = absl::Now();
    bool ended = HasEnded(pid_);
    for (; !ended && absl::Now() - begin < kEndsWithin; ended = HasEnded(pid_)) absl::SleepFor(kLookEvery);
    if (!ended) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

int64_t ServerProcess::ResidentBytes() const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

double ServerProcess::CpuSeconds() const {
  clockid_t clock;
  timespec time = {};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int64_t ServerProcess::DataBytes() const {
  int64_t bytes = 0;
  std::error_code error;
  // Files come and go while they are counted.
  for (fs::recursive_directory_iterator file(folder_ + "/data", error), end; !error && file != end;
       file.increment(error)) {
    std::error_code gone;
    if (!file->is_regular_file(gone)) continue;
    const auto size = file->file_size(gone);
    if (!gone) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace circuitd
