#include "tests/integration/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace circuitd {
namespace {

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::abort();
}

std::vector<std::string> EnvironmentWith(const std::map<std::string, std::string>& added) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (added.count(text.substr(0, text.find('='))) == 0) entries.push_back(text);
  }
  for (const auto& [name, value] : added) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A file of `text`, read from its start: no pipe that somebody would have to feed.
int InputFile(const std::string& text) {
  const int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) Die("memfd_create");
  lseek(fd, 0, SEEK_SET);
  return fd;
}

}  // namespace

std::unique_ptr<Subprocess> Subprocess::Start(const ProcessOptions& options) {
  std::unique_ptr<Subprocess> child(new Subprocess());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  std::vector<int> close_after;
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.terminal_columns > 0) {
    int terminal = -1;
    char name[256];
    const winsize size = {.ws_row = 24, .ws_col = options.terminal_columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (openpty(&child->out_fd_, &terminal, name, nullptr, &size) != 0) Die("openpty");
    fcntl(child->out_fd_, F_SETFD, FD_CLOEXEC);
    fcntl(terminal, F_SETFD, FD_CLOEXEC);
    close_after.push_back(terminal);
    // The leader of a new session gets the first terminal that it opens as its controlling one.
    flags |= POSIX_SPAWN_SETSID;
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
  } else {
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) Die("pipe2");
    const int in = InputFile(options.input);
    child->out_fd_ = out[0];
    child->err_fd_ = err[0];
    close_after = {out[1], err[1], in};
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, flags);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  // A test run in the background may have been told to ignore Ctrl-C; its children are not.
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&signals, signal);
  posix_spawnattr_setsigdefault(&attributes, &signals);

  std::vector<std::string> arguments = options.arguments;
  std::vector<std::string> environment = EnvironmentWith(options.environment);
  errno = posix_spawn(&child->pid_, arguments[0].c_str(), &actions, &attributes, Pointers(arguments).data(),
                      Pointers(environment).data());
  if (errno != 0) Die(arguments[0].c_str());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : close_after) close(fd);
  child->reader_ = std::thread([raw = child.get()] { raw->Read(); });
  return child;
}

Subprocess::~Subprocess() {
  Signal(SIGKILL);
  reader_.join();
  close(out_fd_);
  if (err_fd_ >= 0) close(err_fd_);
}

// Until both streams end, which they do at the latest when the child does.
void Subprocess::Read() {
  pollfd fds[2] = {{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = read(fds[i].fd, buffer, sizeof(buffer));
      if (count < 0 && errno == EINTR) continue;
      // A pseudo-terminal that nobody has open any more answers EIO.
      if (count <= 0) {
        fds[i].fd = -1;
        continue;
      }
      MutexLock lock(mutex_);
      (i == 0 ? out_ : err_).append(buffer, static_cast<size_t>(count));
      changed_.SignalAll();
    }
  }
  // The id stays the child's until it is reaped, under the lock that Signal takes.
  siginfo_t ended = {};
  while (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  MutexLock lock(mutex_);
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.SignalAll();
}

bool Subprocess::Running() const {
  MutexLock lock(mutex_);
  siginfo_t ended = {};
  return !exit_code_ && waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | WNOHANG) == 0 &&
         ended.si_pid == 0;
}

void Subprocess::Signal(int signal) {
  MutexLock lock(mutex_);
  if (!exit_code_) kill(pid_, signal);
}

void Subprocess::Type(absl::string_view text) {
  if (write(out_fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) Die("write to the terminal");
}

void Subprocess::Resize(unsigned short columns, unsigned short rows) {
  const winsize size = {.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (ioctl(out_fd_, TIOCSWINSZ, &size) != 0) Die("TIOCSWINSZ");
}

termios Subprocess::TerminalSettings() const {
  termios settings = {};
  if (tcgetattr(out_fd_, &settings) != 0) Die("tcgetattr");
  return settings;
}

std::string Subprocess::out() const {
  MutexLock lock(mutex_);
  return out_;
}

std::string Subprocess::err() const {
  MutexLock lock(mutex_);
  return err_;
}

bool Subprocess::WaitForOutput(absl::string_view text) {
  const std::string wanted(text);
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(kPatience);
  MutexLock lock(mutex_);
  while (true) {
    if (out_.find(wanted) != std::string::npos || err_.find(wanted) != std::string::npos) return true;
    if (exit_code_ || !changed_.WaitUntil(mutex_, deadline)) return false;
  }
}

std::optional<int> Subprocess::Wait(absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  MutexLock lock(mutex_);
  while (!exit_code_ && changed_.WaitUntil(mutex_, deadline)) {
  }
  return exit_code_;
}

}  // namespace circuitd
