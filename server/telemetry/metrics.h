// Every metric of the server, defined once: circuitd_* in base units, in Prometheus's text format.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// What gauges show, asked at each scrape on the scraper's thread. Empty ones show nothing.
struct GaugeSources {
  std::function<double()> queued_calls;
  std::function<double()> queued_jobs;
  std::function<double()> loaded_models;
};

// Thread-safe.
class Metrics {
 public:
  // `version` is what circuitd_build_info says.
  explicit Metrics(absl::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Until they are taken back with SetGauges({}), the sources must stay valid.
  void SetGauges(GaugeSources sources);

  // `method` is "JobService/GetJob", `code` "OK", "NOT_FOUND" …
  void RpcEnded(const std::string& method, const std::string& code, double seconds);
  // `state` is "succeeded", "failed" or "cancelled".
  void JobEnded(absl::string_view state);
  // A job's change could not be stored, and will be tried again.
  void JobStoreFailed();
  // Time that a device worked for a call or job.
  void ForwardSeconds(double seconds);
  // Calls that a device's worker took together.
  void CallsRanTogether(int calls);
  void DecisionMade();

  // All metrics in Prometheus's text format, as a scrape gets them.
  std::string Text() const;

 private:
  friend class MetricsServer;
  struct State;
  const std::unique_ptr<State> state_;
};

// Serves /metrics over HTTP while it lives.
class MetricsServer {
 public:
  // `address` is "127.0.0.1:9464"; port 0 lets the kernel pick. UNAVAILABLE if it can't be listened on. `metrics`
  // outlives the server.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address, Metrics& metrics);
  ~MetricsServer();

  int port() const { return port_; }

 private:
  struct State;
  MetricsServer(std::unique_ptr<State> state, int port);
  const std::unique_ptr<State> state_;
  const int port_;
};

}  // namespace circuitd
