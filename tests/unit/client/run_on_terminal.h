// Runs a command line of `circuit` in this process with a terminal as its standard output.
#pragma once

#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/cli/command.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {

// Sets a variable of the environment as long as it lives; nullptr: there is none.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    Set(value);
  }
  ~ScopedVariable() { Set(old_ ? old_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void Set(const char* value) { value != nullptr ? setenv(name_, value, 1) : unsetenv(name_); }

  const char* const name_;
  std::optional<std::string> old_;
};

// What the command writes to a terminal of so many columns that is said to have all colours; it is to succeed.
inline std::string RunOnTerminal(const ScriptedServer& server, std::vector<std::string> words, unsigned short columns) {
  const ScopedVariable kind("TERM", "xterm"), depth("COLORTERM", "truecolor"), colour("NO_COLOR", nullptr);
  int terminal = -1;
  int program = -1;
  winsize size = {.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  termios raw = {};
  cfmakeraw(&raw);
  if (openpty(&terminal, &program, nullptr, &raw, &size) != 0) return "no terminal";
  std::string written;
  // A terminal that nobody reads holds its writer up.
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t count = 0; (count = read(terminal, buffer, sizeof(buffer))) > 0;) {
      written.append(buffer, static_cast<size_t>(count));
    }
  });
  {
    Output out(program);
    CommandContext context(out);
    CLI::App app;
    AddCommands(app, context);
    words.insert(words.end(), {"--server", server.address()});
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    const auto exit_code = context.RunParsed();
    EXPECT_TRUE(exit_code.ok()) << exit_code.status();
  }
  close(program);
  reader.join();
  close(terminal);
  return written;
}

}  // namespace circuitd::client
