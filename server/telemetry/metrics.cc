#include "server/telemetry/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"

namespace circuitd {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;

// From a tokenization to a long stream.
const Histogram::BucketBoundaries kSecondsBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,      2.5,   5,    10,    30,   60,  300};

const Histogram::BucketBoundaries kCallsBuckets = {1, 2, 4, 8, 16, 32, 64, 128};

// Gauges whose values are asked for when they are scraped.
class GaugeCollector : public prometheus::Collectable {
 public:
  void Set(GaugeSources sources) {
    MutexLock lock(mutex_);
    sources_ = std::move(sources);
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    // Held while the sources are asked, so that none is asked after Set has taken it back.
    MutexLock lock(mutex_);
    std::vector<prometheus::MetricFamily> families;
    Add(families, "circuitd_queued_calls", "Interactive calls that wait for a device.", sources_.queued_calls);
    Add(families, "circuitd_queued_jobs", "Jobs that wait to run.", sources_.queued_jobs);
    Add(families, "circuitd_loaded_models", "Models in memory.", sources_.loaded_models);
    return families;
  }

 private:
  static void Add(std::vector<prometheus::MetricFamily>& families, const char* name, const char* help,
                  const std::function<double()>& source) {
    if (!source) return;
    prometheus::ClientMetric metric;
    metric.gauge.value = source();
    families.push_back({name, help, prometheus::MetricType::Gauge, {metric}});
  }

  mutable Mutex mutex_;
  GaugeSources sources_ GUARDED_BY(mutex_);
};

Family<Counter>& AddCounter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::State {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::shared_ptr<GaugeCollector> gauges = std::make_shared<GaugeCollector>();
  Family<Counter>& rpcs =
      AddCounter(*registry, "circuitd_rpc_requests_total", "Calls that have ended, by status code.");
  Family<Histogram>& rpc_seconds = prometheus::BuildHistogram()
                                       .Name("circuitd_rpc_seconds")
                                       .Help("Time from a call's arrival to its end.")
                                       .Register(*registry);
  Family<Counter>& jobs = AddCounter(*registry, "circuitd_jobs_ended_total", "Jobs that have ended, by state.");
  Counter& job_store_failures =
      AddCounter(*registry, "circuitd_job_store_failures_total",
                 "Changes of jobs that could not be stored at once: a full disk, a damaged file.")
          .Add({});
  Counter& forward_seconds =
      AddCounter(*registry, "circuitd_forward_seconds_total", "Time that devices worked for calls and jobs.").Add({});
  Histogram& joint_calls = prometheus::BuildHistogram()
                               .Name("circuitd_joint_calls")
                               .Help("Forward passes and patched runs that ran together.")
                               .Register(*registry)
                               .Add({}, kCallsBuckets);
  Counter& decisions =
      AddCounter(*registry, "circuitd_decisions_total", "Candidates that pruning jobs have decided.").Add({});
};

Metrics::Metrics(absl::string_view version) : state_(std::make_unique<State>()) {
  prometheus::BuildGauge()
      .Name("circuitd_build_info")
      .Help("Always 1; the label says which version runs.")
      .Register(*state_->registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
  // There from the first scrape on, so that rates start at 0.
  for (const char* state : {"succeeded", "failed", "cancelled"}) state_->jobs.Add({{"state", state}});
}

Metrics::~Metrics() = default;

void Metrics::SetGauges(GaugeSources sources) { state_->gauges->Set(std::move(sources)); }

void Metrics::RpcEnded(const std::string& method, const std::string& code, double seconds) {
  state_->rpcs.Add({{"method", method}, {"code", code}}).Increment();
  state_->rpc_seconds.Add({{"method", method}}, kSecondsBuckets).Observe(seconds);
}

void Metrics::JobEnded(absl::string_view state) { state_->jobs.Add({{"state", std::string(state)}}).Increment(); }

void Metrics::JobStoreFailed() { state_->job_store_failures.Increment(); }

void Metrics::ForwardSeconds(double seconds) { state_->forward_seconds.Increment(seconds); }

void Metrics::CallsRanTogether(int calls) { state_->joint_calls.Observe(calls); }

void Metrics::DecisionMade() { state_->decisions.Increment(); }

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = state_->registry->Collect();
  for (auto& family : state_->gauges->Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

struct MetricsServer::State {
  explicit State(const std::string& address) : exposer(address) {}
  prometheus::Exposer exposer;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address, Metrics& metrics) {
  try {
    auto state = std::make_unique<State>(address);
    state->exposer.RegisterCollectable(metrics.state_->registry);
    state->exposer.RegisterCollectable(metrics.state_->gauges);
    const std::vector<int> ports = state->exposer.GetListeningPorts();
    const int port = ports.empty() ? 0 : ports.front();
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state), port));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("can't listen on ", address, " for metrics: is the port in use? (", error.what(), ")"));
  }
}

MetricsServer::MetricsServer(std::unique_ptr<State> state, int port) : state_(std::move(state)), port_(port) {}

MetricsServer::~MetricsServer() = default;

}  // namespace circuitd
