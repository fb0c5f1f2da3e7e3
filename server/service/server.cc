#include "server/service/server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "server/jobs/device_pool.h"
#include "server/jobs/device_worker.h"
#include "server/jobs/job_manager.h"
#include "server/model/compute_threads.h"
#include "server/model/device.h"
#include "server/model/registry.h"
#include "server/service/byte_budget.h"
#include "server/service/dataset_service.h"
#include "server/service/dataset_store.h"
#include "server/service/idle_streams.h"
#include "server/service/inference_service.h"
#include "server/service/job_recovery.h"
#include "server/service/job_service.h"
#include "server/service/job_setup.h"
#include "server/service/model_error.h"
#include "server/service/model_service.h"
#include "server/service/patching_service.h"
#include "server/service/reading_service.h"
#include "server/service/rpc_observer.h"
#include "server/service/server_parts.h"
#include "server/service/server_service.h"
#include "server/service/speed_meter.h"
#include "server/service/task_service.h"
#include "server/service/version.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"

namespace circuitd {
namespace {

// For the clients that watched a job to its end, to fetch what it left.
constexpr absl::Duration kFetchGrace = absl::Seconds(2);
// For replies that are being written when everything else has ended.
constexpr absl::Duration kReplyGrace = absl::Seconds(3);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

// A request takes more in memory than on the wire.
constexpr int64_t kLargeRequestsAtOnce = 32;
constexpr int64_t kLargeRepliesAtOnce = 4;

int64_t Times(int64_t count, int64_t bytes) { return bytes > (int64_t{1} << 56) ? bytes : count * bytes; }

double CountLoaded(const ModelRegistry& models) {
  const std::vector<ModelListing> all = models.List();
  return static_cast<double>(
      std::count_if(all.begin(), all.end(), [](const ModelListing& m) { return m.loaded != nullptr; }));
}

}  // namespace

// Members are in order of construction: each uses only those above it.
struct CircuitServer::State {
  State(ServerOptions given, JobStorage storage)
      : options(std::move(given)),
        data_folder(std::move(storage.folder)),
        metrics(kVersion),
        models(options.models),
        datasets(options.max_dataset_bytes, options.max_stored_dataset_bytes),
        requests(Times(kLargeRequestsAtOnce, options.max_message_bytes)),
        replies(Times(kLargeRepliesAtOnce, options.max_reply_bytes)),
        idle_streams(options.stream_idle_timeout),
        jobs(JobOptions(options), std::move(storage.store), std::move(storage.artifacts),
             {[this](const std::string& device) { devices.Worker(device).WakeBackground(); },
              [this](const JobRecord& job) { JobChanged(job); },
              [this](const JobRecord& job) { PrepareAgain(parts, job); },
              [this](const absl::Status& status) { StoreFailed(status); }}),
        devices(jobs, options.max_queued_calls),
        preparing("requests to prepare", options.max_queued_calls),
        loading("models and jobs to load", options.max_queued_calls) {}

  void JobChanged(const JobRecord& job) {
    LogJob(absl::StrCat("jobs/", job.id), job.owner, JobStateName(job.state), job.error.message());
    if (HasEnded(job.state)) metrics.JobEnded(JobStateName(job.state));
  }

  void StoreFailed(const absl::Status& status) {
    LogError(absl::StrCat("a job can't be stored: ", status.message()));
    metrics.JobStoreFailed();
  }

  absl::Status Listen();
  bool HasCalls() const;
  void StopServing(absl::Time deadline);

  const ServerOptions options;
  const std::unique_ptr<DataFolder> data_folder;
  Metrics metrics;
  ModelRegistry models;
  DatasetStore datasets;
  ByteBudget requests;
  ByteBudget replies;
  IdleStreams idle_streams;
  SpeedMeter speed;
  JobManager jobs;
  DevicePool devices;
  DeviceWorker preparing;
  DeviceWorker loading;
  const ServerParts parts{options, models,   datasets, jobs,         devices, preparing,
                          loading, requests, replies,  idle_streams, speed,   metrics};
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<MetricsServer> metrics_server;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

absl::Status CircuitServer::State::Listen() {
  services.push_back(MakeServerService(parts));
  services.push_back(MakeModelService(parts));
  services.push_back(MakeDatasetService(parts));
  services.push_back(MakeInferenceService(parts));
  services.push_back(MakePatchingService(parts));
  services.push_back(MakeReadingService(parts));
  services.push_back(MakeTaskService(parts));
  services.push_back(MakeJobService(parts));

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  for (const auto& service : services) builder.RegisterService(service.get());
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<int64_t>(options.max_message_bytes, INT32_MAX)));
  // Two servers on one port would share the calls at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients that vanished without a word must not hold their streams for ever; live ones may ping.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(MakeRpcObserver(metrics));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server = builder.BuildAndStart();
  if (!server || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("--address: can't listen on ", options.address, "; is the port in use, or the address not here?"));
  }
  return absl::OkStatus();
}

bool CircuitServer::State::HasCalls() const {
  // In the order in which calls go through them, so that none is missed on its way.
  return preparing.has_calls() || loading.has_calls() || devices.has_calls();
}

void CircuitServer::State::StopServing(absl::Time deadline) {
  // The workers still run, so that calls end properly until then.
  if (server) server->Shutdown(absl::ToChronoTime(deadline));
  jobs.Stop();
  metrics.SetGauges({});
  metrics_server.reset();
  preparing.Stop();
  loading.Stop();
  devices.Stop();
}

absl::StatusOr<std::unique_ptr<CircuitServer>> CircuitServer::Start(ServerOptions options) {
  ASSIGN_OR_RETURN(const DeviceId device, ParseDevice(options.models.default_device));
  RETURN_IF_ERROR(PrepareDevice(device));
  options.models.default_device = DeviceName(device);
  SetComputeThreads(options.threads);

  ASSIGN_OR_RETURN(JobStorage storage, OpenJobStorage(options.data_dir));
  auto state = std::make_unique<State>(std::move(options), std::move(storage));
  for (const std::string& name : state->options.load) {
    const auto model = state->models.Load(name, LoadOptions{});
    if (!model.ok()) return ModelError("--load", model.status());
    LogInfo(absl::StrCat("loaded ", (*model)->name(), " on ", (*model)->device()));
  }
  if (!state->options.metrics_address.empty()) {
    absl::StatusOr<std::unique_ptr<MetricsServer>> metrics_server =
        MetricsServer::Start(state->options.metrics_address, state->metrics);
    if (!metrics_server.ok()) return WithFieldPrefix("--metrics-address", metrics_server.status());
    state->metrics_server = *std::move(metrics_server);
  }
  State& parts = *state;
  parts.metrics.SetGauges(
      {[&parts] {
         return parts.devices.queued_calls() + parts.preparing.queued_calls() + parts.loading.queued_calls();
       },
       [&parts] { return parts.jobs.queued_jobs(); }, [&parts] { return CountLoaded(parts.models); }});
  // From here on the destructor cleans up.
  std::unique_ptr<CircuitServer> server(new CircuitServer(std::move(state)));
  const absl::StatusOr<size_t> recovered = parts.jobs.Recover();
  if (!recovered.ok()) return WithFieldPrefix("--data-dir", recovered.status());
  if (*recovered > 0) LogInfo(absl::StrCat("taking up ", *recovered, " jobs that had not ended"));
  RETURN_IF_ERROR(parts.Listen());
  if (!IsLoopback(parts.options.address)) {
    LogWarning(absl::StrCat("listening on ", parts.options.address,
                            ": other machines can reach it, and there is neither authentication nor encryption"));
  }
  return server;
}

CircuitServer::CircuitServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

CircuitServer::~CircuitServer() {
  state_->jobs.StopAccepting();
  state_->jobs.PauseRunning();
  state_->jobs.EndWatches();
  state_->StopServing(absl::Now());
}

int CircuitServer::port() const { return state_->port; }

int CircuitServer::metrics_port() const { return state_->metrics_server ? state_->metrics_server->port() : 0; }

void CircuitServer::Drain() {
  const absl::Time deadline = absl::Now() + state_->options.drain_timeout;
  if (auto* health = state_->server->GetHealthCheckService()) health->SetServingStatus(false);
  JobManager& jobs = state_->jobs;
  jobs.StopAccepting();
  if (!jobs.WaitUntilNoneRuns(absl::Now())) {
    LogInfo(absl::StrCat("waiting for the running job, at most ", absl::FormatDuration(state_->options.drain_timeout)));
    if (jobs.WaitUntilNoneRuns(deadline)) {
      absl::SleepFor(std::min(kFetchGrace, state_->options.drain_timeout));
    } else {
      jobs.PauseRunning();
      jobs.WaitUntilNoneRuns(absl::InfiniteFuture());
    }
  }
  jobs.EndWatches();
  while (state_->HasCalls() && absl::Now() < deadline) absl::SleepFor(kLookAgain);
  // What is open now only reads: replies that are being written, watches of health.
  state_->StopServing(absl::Now() + kReplyGrace);
}

bool IsLoopback(absl::string_view address) {
  return absl::StartsWith(address, "127.") || absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:") || absl::StartsWith(address, "unix:");
}

}  // namespace circuitd
