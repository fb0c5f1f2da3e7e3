// circuitd: flags, wiring, signals.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "server/model/compute_threads.h"
#include "server/service/flags.h"
#include "server/service/port_file.h"
#include "server/service/server.h"
#include "server/service/version.h"
#include "server/telemetry/log.h"

namespace {

// Blocks the signals that end the server, for this thread and those it starts: one thread takes them with sigwait.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // A file that may not grow, as with `ulimit -f`, is an error of the write, as a full disk is.
  signal(SIGXFSZ, SIG_IGN);
  return signals;
}

int Fail(const absl::Status& status) {
  std::cerr << "circuitd: " << status.message() << std::endl;
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  circuitd::SleepWhileIdle(argv);
  const sigset_t signals = BlockSignals();
  // What matters of gRPC's own messages is in our errors; who sets the variable sees them.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  circuitd::ParsedFlags flags = circuitd::ParseFlags(argc, argv);
  if (flags.exit_code) return *flags.exit_code;
  const circuitd::ServerOptions& options = flags.options;
  if (const absl::Status status = circuitd::InitLogging(options.log_level, options.log_format); !status.ok()) {
    return Fail(status);
  }

  auto server = circuitd::CircuitServer::Start(options);
  if (!server.ok()) return Fail(server.status());
  std::shared_ptr<circuitd::PortFile> port_file;
  if (!options.port_file.empty()) {
    auto written = circuitd::PortFile::Write(options.port_file, (*server)->port(), (*server)->metrics_port());
    if (!written.ok()) return Fail(written.status());
    port_file = *std::move(written);
  }
  const std::string host = options.address.substr(0, options.address.rfind(':'));
  std::cout << "circuitd " << circuitd::kVersion << " listening on " << host << ":" << (*server)->port() << std::endl;

  std::promise<void> drain;
  std::thread([&signals, &drain, port_file] {
    int signal = 0;
    sigwait(&signals, &signal);
    drain.set_value();
    sigwait(&signals, &signal);
    if (port_file) port_file->Remove();
    std::_Exit(0);
  }).detach();
  drain.get_future().wait();
  circuitd::LogInfo("draining");
  (*server)->Drain();
  server->reset();
  if (port_file) port_file->Remove();
  circuitd::LogInfo("stopped");
  // The thread that waits for signals refers to this frame and is still there.
  std::_Exit(0);
}
