// Runs a command line of `circuit` in this process, against a scripted server.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {

struct CommandRun {
  // The exit code, or the error that is printed.
  absl::StatusOr<int> exit_code = 0;
  // Standard output and standard error; no terminals.
  std::string out;
  std::string err;

  bool ok() const { return exit_code.ok() && *exit_code == 0; }
  absl::Status status() const { return exit_code.status(); }
};

// `words` are those of the command line after "circuit".
inline CommandRun RunCommandAt(const std::string& address, std::vector<std::string> words) {
  const int fd = memfd_create("stdout", 0);
  Output out(fd);
  CommandContext context(out);
  CLI::App app;
  AddCommands(app, context);
  words.insert(words.end(), {"--server", address});
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  CommandRun run;
  testing::internal::CaptureStderr();
  try {
    app.parse(words);
    run.exit_code = context.RunParsed();
  } catch (const CLI::ParseError& error) {
    run.exit_code = absl::InvalidArgumentError(error.what());
  }
  run.err = testing::internal::GetCapturedStderr();
  run.out.resize(static_cast<size_t>(lseek(fd, 0, SEEK_END)));
  EXPECT_EQ(pread(fd, run.out.data(), run.out.size(), 0), static_cast<ssize_t>(run.out.size()));
  close(fd);
  return run;
}

inline CommandRun RunCommand(const ScriptedServer& server, std::vector<std::string> words) {
  return RunCommandAt(server.address(), std::move(words));
}

}  // namespace circuitd::client
