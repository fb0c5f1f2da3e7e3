// What many watchers of one job cost the server: memory of each, time of the processor against the same job without
// them, and how much longer the job takes; and whether each of them is told everything. The same job runs in turns
// without and with watchers. Exit code 1 if a watcher missed something.
//
//   OMP_WAIT_POLICY=PASSIVE build/bench/bench/watchers --circuitd build/bench/server/circuitd
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/job_requests.h"
#include "bench/server_process.h"
#include "bench/watch_reader.h"
#include "client/channel.h"
#include "client/client.h"
#include "client/job_follower.h"

namespace circuitd {
namespace {

constexpr char kModel[] = "seqcont-demo";

struct Flags {
  std::string circuitd = "build/bench/server/circuitd", model = "models/seqcont-demo";
  int watchers = 1000, slow = 50, channels = 4, rounds = 2, threads = 1;
  uint32_t num_samples = 1024;
};

double Seconds(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * static_cast<double>(time.nanos());
}

// A run of the job, from its start to its end.
struct JobCost {
  double wall_seconds = 0, cpu_seconds = 0;
  uint64_t decisions = 0;
};

// Channels that don't share a connection.
std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

class Bench {
 public:
  static absl::StatusOr<std::unique_ptr<Bench>> Make(const Flags& flags) {
    std::unique_ptr<Bench> bench(new Bench(flags));
    ASSIGN_OR_RETURN(bench->server_,
                     ServerProcess::Start(flags.circuitd, {"--model", absl::StrCat(kModel, "=", flags.model), "--load",
                                                           kModel, "--threads", absl::StrCat(flags.threads)}));
    const std::string& address = bench->server_->address();
    ASSIGN_OR_RETURN(bench->client_, client::Client::Create(client::MakeChannel(address), {}));
    for (int i = 0; i < flags.channels; ++i) {
      bench->stubs_.push_back(v1::JobService::NewStub(OwnConnection(address)));
    }
    return bench;
  }

  // With its one watcher, which all need to know when it is over.
  absl::StatusOr<JobCost> Alone() {
    const double cpu = server_->CpuSeconds();
    ASSIGN_OR_RETURN(const std::string name, Submit());
    return Follow(name, cpu);
  }

  absl::StatusOr<JobCost> Watched() {
    const double cpu = server_->CpuSeconds();
    ASSIGN_OR_RETURN(const std::string name, Submit());
    const int64_t before = server_->ResidentBytes();
    std::deque<WatchReader> readers;
    for (int i = 0; i < flags_.watchers; ++i) {
      readers.emplace_back(*stubs_[i % stubs_.size()]->async(), name, i < flags_.slow);
    }
    std::thread slow([&] { ReadSlowly(readers); });
    absl::StatusOr<JobCost> cost = Follow(name, cpu);
    const int64_t during = server_->ResidentBytes();
    for (WatchReader& reader : readers) {
      if (!reader.slow()) reader.Await();
    }
    if (cost.ok()) cost->cpu_seconds = server_->CpuSeconds() - cpu;
    std::printf(
        "  the last of those that read fast was done %.1f s after the job; resident %.1f MB before them, "
        "%.1f MB at the job's end: %.1f kB a watcher\n",
        absl::ToDoubleSeconds(absl::Now() - ended_), static_cast<double>(before) / 1e6,
        static_cast<double>(during) / 1e6, static_cast<double>(during - before) / 1e3 / flags_.watchers);
    std::fflush(stdout);
    slow.join();
    RETURN_IF_ERROR(cost.status());
    Check(readers, *cost);
    return cost;
  }

  int faults() const { return faults_; }

 private:
  explicit Bench(const Flags& flags) : flags_(flags) {}

  absl::StatusOr<std::string> Submit() {
    v1::SubmitJobRequest request = PruningOf(kModel, 1, flags_.num_samples, true);
    request.set_no_cache(true);
    ASSIGN_OR_RETURN(const v1::SubmitJobResponse response, client_->SubmitJob(request));
    return response.job().name();
  }

  absl::StatusOr<JobCost> Follow(const std::string& name, double cpu_before) {
    const auto ignore = [](const v1::WatchJobResponse&) { return absl::OkStatus(); };
    ASSIGN_OR_RETURN(const v1::Job job, client::FollowJob(*client_, name, {}, ignore));
    ended_ = absl::Now();
    if (job.state() != v1::JOB_STATE_SUCCEEDED) return absl::InternalError(absl::StrCat(name, " has not succeeded"));
    return JobCost{Seconds(job.end_time()) - Seconds(job.start_time()), server_->CpuSeconds() - cpu_before,
                   job.node_pruning().decision_count()};
  }

  // A message a second, each.
  static void ReadSlowly(std::deque<WatchReader>& readers) {
    for (bool all_over = false; !all_over; absl::SleepFor(absl::Seconds(1))) {
      all_over = true;
      for (WatchReader& reader : readers) {
        if (!reader.slow() || reader.is_over()) continue;
        all_over = false;
        reader.ReadOn();
      }
    }
  }

  void Check(std::deque<WatchReader>& readers, const JobCost& cost) {
    for (WatchReader& reader : readers) {
      reader.Await();
      std::string fault = reader.Fault();
      if (fault.empty() && reader.decisions() != cost.decisions) {
        fault = absl::StrCat(reader.decisions(), " decisions of ", cost.decisions);
      }
      if (fault.empty()) continue;
      if (++faults_ <= 5) std::printf("  a watcher was not told everything: %s\n", fault.c_str());
    }
  }

  const Flags flags_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::Client> client_;
  std::vector<std::unique_ptr<v1::JobService::StubInterface>> stubs_;
  absl::Time ended_;
  int faults_ = 0;
};

absl::StatusOr<int> Run(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto bench, Bench::Make(flags));
  JobCost alone, watched;
  for (int round = 0; round < flags.rounds; ++round) {
    ASSIGN_OR_RETURN(const JobCost without, bench->Alone());
    std::printf("alone:   %6.2f s, %6.2f CPU s, %llu decisions\n", without.wall_seconds, without.cpu_seconds,
                static_cast<unsigned long long>(without.decisions));
    std::fflush(stdout);
    ASSIGN_OR_RETURN(const JobCost with, bench->Watched());
    std::printf("watched: %6.2f s, %6.2f CPU s\n", with.wall_seconds, with.cpu_seconds);
    std::fflush(stdout);
    alone.wall_seconds += without.wall_seconds, alone.cpu_seconds += without.cpu_seconds;
    watched.wall_seconds += with.wall_seconds, watched.cpu_seconds += with.cpu_seconds;
    watched.decisions += with.decisions;
  }
  const double messages = static_cast<double>(watched.decisions) * flags.watchers;
  std::printf(
      "%d watchers, %d of them slow: CPU time %.3f times, the job's own time %.3f times; %.1f us of CPU for a "
      "decision told to a watcher, %d watchers not told everything\n",
      flags.watchers, flags.slow, watched.cpu_seconds / alone.cpu_seconds, watched.wall_seconds / alone.wall_seconds,
      1e6 * (watched.cpu_seconds - alone.cpu_seconds) / messages, bench->faults());
  return bench->faults() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app("Says what many watchers of one job cost a server.");
  app.option_defaults()->always_capture_default();
  app.add_option("--circuitd", flags.circuitd, "The server's binary")->check(CLI::ExistingFile.description(""));
  app.add_option("--model", flags.model, "The folder of models/seqcont-demo");
  app.add_option("--watchers", flags.watchers, "Watchers of the job")->check(CLI::PositiveNumber);
  app.add_option("--slow", flags.slow, "Those of them that read a message a second")->check(CLI::NonNegativeNumber);
  app.add_option("--channels", flags.channels, "Connections that they share")->check(CLI::PositiveNumber);
  app.add_option("--rounds", flags.rounds, "Jobs without and with watchers")->check(CLI::PositiveNumber);
  app.add_option("--threads", flags.threads, "Threads of a forward pass")->check(CLI::PositiveNumber);
  app.add_option("--num-samples", flags.num_samples, "Prompts of each variant of the job")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<int> code = circuitd::Run(flags);
  if (!code.ok()) std::fprintf(stderr, "watchers: %s\n", std::string(code.status().message()).c_str());
  return code.value_or(2);
}
