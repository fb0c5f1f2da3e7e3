// The whole server: models, jobs, workers and services behind one listening port.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/service/server_options.h"

namespace circuitd {

class CircuitServer {
 public:
  // Loads what is to be loaded, listens and serves. An error says which option could not be fulfilled; nothing is left
  // running then.
  static absl::StatusOr<std::unique_ptr<CircuitServer>> Start(ServerOptions options);
  // Pauses what runs, and stops.
  ~CircuitServer();
  CircuitServer(const CircuitServer&) = delete;
  CircuitServer& operator=(const CircuitServer&) = delete;

  int port() const;
  // 0 without a metrics server.
  int metrics_port() const;

  // Stops in good order: unhealthy at once, no new jobs, running calls finish, a running job has drain_timeout to end
  // and is paused then: with what waits, it goes on at the next start. Returns when nothing runs any more. Call once.
  void Drain();

 private:
  struct State;
  explicit CircuitServer(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

// False for addresses that other machines can reach.
bool IsLoopback(absl::string_view address);

}  // namespace circuitd
