// What long jobs and others do to each other: how long a one-prompt Forward takes beside a job, and how two users' jobs
// share a device.
//
//   make_inputs --shape gpt2 --model build/gpt2-random --prompts build/pairs.jsonl --pairs 512
//   OMP_WAIT_POLICY=PASSIVE beside_jobs --model build/gpt2-random --pairs build/pairs.jsonl latency
//   OMP_WAIT_POLICY=PASSIVE beside_jobs --model build/gpt2-random --pairs build/pairs.jsonl fairness
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "bench/latencies.h"
#include "bench/server_process.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/job.pb.h"
#include "client/channel.h"
#include "client/client.h"

namespace circuitd {
namespace {

constexpr char kModel[] = "model";

// Of calls: on the clock, and in time of the server's processors, which is what the clock would show on a quiet machine
// if the server, busy all the while, ran on one of them.
struct Calls {
  Latencies wall, cpu;
};

struct Flags {
  std::string circuitd = "build/bench/server/circuitd", model, pairs;
  int threads = 2, seconds = 60, wait = 300, decisions = 3, tokens = 20;
  int vocabulary = 1000;
  double turn = 2, threshold = 20;
};

double Seconds(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * static_cast<double>(time.nanos());
}

// The lines of make_inputs, as a job takes them.
absl::StatusOr<v1::InlinePrompts> ReadPairs(const std::string& path) {
  std::ifstream file(path);
  v1::InlinePrompts prompts;
  for (std::string line; std::getline(file, line);) {
    const auto pair = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!pair.is_object()) return absl::InvalidArgumentError(absl::StrCat(path, ": a line is no pair"));
    const auto ids = [&](const char* key, v1::Prompt& prompt) {
      for (const auto& id : pair.at(key)) prompt.mutable_tokens()->add_ids(id.get<uint32_t>());
    };
    ids("clean_ids", *prompts.add_clean());
    ids("corrupted_ids", *prompts.add_corrupted());
    v1::Answer& answer = *prompts.add_answers();
    ids("correct_ids", *answer.add_correct());
    ids("incorrect_ids", *answer.add_incorrect());
  }
  if (prompts.clean().empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": no pairs"));
  return prompts;
}

class Bench {
 public:
  static absl::StatusOr<std::unique_ptr<Bench>> Make(const Flags& flags) {
    std::unique_ptr<Bench> bench(new Bench(flags));
    ASSIGN_OR_RETURN(bench->pairs_, ReadPairs(flags.pairs));
    ASSIGN_OR_RETURN(bench->server_,
                     ServerProcess::Start(flags.circuitd, {"--model", absl::StrCat(kModel, "=", flags.model), "--load",
                                                           kModel, "--threads", absl::StrCat(flags.threads),
                                                           "--job-turn", absl::StrCat(flags.turn)}));
    bench->channel_ = client::MakeChannel(bench->server_->address());
    ASSIGN_OR_RETURN(bench->client_, client::Client::Create(bench->channel_, {"caller"}));
    return bench;
  }

  // Calls one after the other, without a job and in the sweeps of one.
  absl::Status Latency() {
    RETURN_IF_ERROR(CallFor(absl::Seconds(3)).status());  // what is made at the first call
    ASSIGN_OR_RETURN(const Calls idle, CallFor(absl::Seconds(flags_.seconds)));
    Print("idle", idle);
    ASSIGN_OR_RETURN(const std::string job, Submit(*client_));
    ASSIGN_OR_RETURN(const Calls preparing, CallUntilDecided(job, absl::Seconds(flags_.seconds / 4)));
    Print("while the job is prepared", preparing);
    ASSIGN_OR_RETURN(const uint64_t before, Decisions(job));
    ASSIGN_OR_RETURN(const Calls beside, CallFor(absl::Seconds(flags_.seconds)));
    ASSIGN_OR_RETURN(const uint64_t after, Decisions(job));
    Print("beside the job's sweeps", beside);
    std::printf("  the job made %llu decisions meanwhile\n", static_cast<unsigned long long>(after - before));
    std::fflush(stdout);
    return absl::OkStatus();
  }

  // Equal jobs of two users.
  absl::Status Fairness() {
    std::vector<std::string> jobs;
    for (const char* user : {"one", "two"}) {
      ASSIGN_OR_RETURN(const auto client, client::Client::Create(channel_, {user}));
      ASSIGN_OR_RETURN(const std::string job, Submit(*client));
      jobs.push_back(job);
    }
    for (const std::string& job : jobs) RETURN_IF_ERROR(CallUntilDecided(job, absl::ZeroDuration()).status());
    const double begin = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
    absl::SleepFor(absl::Seconds(flags_.seconds));
    const double end = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
    for (const std::string& job : jobs) {
      ASSIGN_OR_RETURN(const Share share, ShareOf(job, begin, end));
      std::printf(
          "%s: ran %.1f s of %.1f s in %d turns, %d decisions; of each turn %.2f s went by before its first "
          "decision\n",
          job.c_str(), share.seconds, end - begin, share.turns, share.decisions,
          share.turns == 0 ? 0 : share.before_first / share.turns);
    }
    return absl::OkStatus();
  }

 private:
  // Of a device, between two times.
  struct Share {
    double seconds = 0, before_first = 0;
    int turns = 0, decisions = 0;
  };

  explicit Bench(const Flags& flags) : flags_(flags) {}

  absl::StatusOr<std::string> Submit(client::Client& client) {
    v1::SubmitJobRequest request;
    v1::NodePruningSpec& pruning = *request.mutable_spec()->mutable_node_pruning();
    pruning.set_model(kModel);
    pruning.set_threshold(flags_.threshold);
    *pruning.mutable_prompts()->mutable_inline_() = pairs_;
    request.set_no_cache(true);
    ASSIGN_OR_RETURN(const v1::SubmitJobResponse response, client.SubmitJob(request));
    return response.job().name();
  }

  absl::Status CallOnce(Calls& calls) {
    v1::ForwardRequest request;
    request.set_model(kModel);
    v1::TokenIds& ids = *request.add_prompts()->mutable_tokens();
    for (int i = 0; i < flags_.tokens; ++i) {
      ids.add_ids((static_cast<int>(calls.wall.size()) * 7919 + i * 131) % flags_.vocabulary);
    }
    request.mutable_logits()->set_top_k(10);
    const double cpu = server_->CpuSeconds();
    const absl::Time begin = absl::Now();
    RETURN_IF_ERROR(client_->Forward(request, [](const v1::ForwardResponse&) { return absl::OkStatus(); }));
    calls.wall.Add(absl::Now() - begin);
    calls.cpu.Add(absl::Seconds(server_->CpuSeconds() - cpu));
    return absl::OkStatus();
  }

  absl::StatusOr<Calls> CallFor(absl::Duration duration) {
    Calls calls;
    for (const absl::Time begin = absl::Now(); absl::Now() - begin < duration;) RETURN_IF_ERROR(CallOnce(calls));
    return calls;
  }

  // Calls for so long, and then waits.
  absl::StatusOr<Calls> CallUntilDecided(const std::string& job, absl::Duration call_for) {
    Calls calls;
    for (const absl::Time begin = absl::Now(); absl::Now() - begin < absl::Seconds(flags_.wait);) {
      ASSIGN_OR_RETURN(const uint64_t decisions, Decisions(job));
      if (decisions >= static_cast<uint64_t>(flags_.decisions)) {
        std::printf("%s: had made %d decision(s) after %.1f s\n", job.c_str(), flags_.decisions,
                    absl::ToDoubleSeconds(absl::Now() - begin));
        return calls;
      }
      if (absl::Now() - begin < call_for) {
        RETURN_IF_ERROR(CallOnce(calls));
      } else {
        absl::SleepFor(absl::Milliseconds(100));
      }
    }
    return absl::DeadlineExceededError(absl::StrCat(job, " makes fewer --decisions within --wait"));
  }

  absl::StatusOr<uint64_t> Decisions(const std::string& job) {
    v1::GetJobRequest request;
    request.set_name(job);
    ASSIGN_OR_RETURN(const v1::GetJobResponse response, client_->GetJob(request));
    if (response.job().state() == v1::JOB_STATE_FAILED) return absl::InternalError(response.job().error().message());
    return response.job().progress().steps_done();
  }

  // Of the turns that have begun and ended between the times.
  absl::StatusOr<Share> ShareOf(const std::string& job, double begin, double end) {
    Share share;
    double turn = 0, first = 0;
    int decisions = 0;
    v1::GetJobRequest get;
    get.set_name(job);
    ASSIGN_OR_RETURN(const v1::GetJobResponse now, client_->GetJob(get));
    const uint64_t last = now.job().last_sequence();
    v1::WatchJobRequest request;
    request.set_name(job);
    const absl::Status status = client_->WatchJob(request, [&](const v1::WatchJobResponse& response) -> absl::Status {
      if (!response.has_event()) return absl::OkStatus();
      const v1::JobEvent& event = response.event();
      const double time = Seconds(event.time());
      if (event.has_decision()) {
        if (decisions++ == 0) first = time;
      } else if (event.state() == v1::JOB_STATE_RUNNING) {
        turn = time;
        decisions = 0;
      } else if (turn > begin && time < end) {
        ++share.turns;
        share.seconds += time - turn;
        share.decisions += decisions;
        share.before_first += decisions == 0 ? 0 : first - turn;
      }
      return event.sequence() < last ? absl::OkStatus() : absl::CancelledError("all that there was");
    });
    if (!status.ok() && !absl::IsCancelled(status)) return status;
    return share;
  }

  void Print(const char* what, const Calls& calls) {
    std::printf("one prompt of %d tokens, %d thread(s), %s: %zu calls\n", flags_.tokens, flags_.threads, what,
                calls.wall.size());
    for (const auto& [clock, times] : {std::pair("wall", &calls.wall), std::pair("CPU", &calls.cpu)}) {
      std::printf("  %-4s p50 %.1f ms, p99 %.1f ms, longest %.1f ms\n", clock, times->Milliseconds(0.5),
                  times->Milliseconds(0.99), times->Milliseconds(1));
    }
    std::fflush(stdout);
  }

  const Flags flags_;
  v1::InlinePrompts pairs_;
  std::unique_ptr<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<client::Client> client_;
};

absl::Status Run(const Flags& flags, const std::string& part) {
  ASSIGN_OR_RETURN(const auto bench, Bench::Make(flags));
  return part == "latency" ? bench->Latency() : bench->Fairness();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  std::string part;
  CLI::App app("Says what long jobs and others do to each other on a server of its own.");
  app.option_defaults()->always_capture_default();
  app.add_option("part", part, "latency or fairness")->required()->check(CLI::IsMember({"latency", "fairness"}));
  app.add_option("--circuitd", flags.circuitd, "The server's binary")->check(CLI::ExistingFile.description(""));
  app.add_option("--model", flags.model, "The model's folder")->required();
  app.add_option("--pairs", flags.pairs, "The job's prompts, as make_inputs writes them")->required();
  app.add_option("--tokens", flags.tokens, "Tokens of a call's prompt")->check(CLI::PositiveNumber);
  app.add_option("--vocabulary", flags.vocabulary, "Tokens of calls are of the first so many")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", flags.threads, "Threads of a forward pass")->check(CLI::PositiveNumber);
  app.add_option("--seconds", flags.seconds, "Of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--wait", flags.wait, "Seconds within which a job makes its first decisions")
      ->check(CLI::PositiveNumber);
  app.add_option("--decisions", flags.decisions,
                 "What a job has decided before it is measured: the first ones take long")
      ->check(CLI::PositiveNumber);
  app.add_option("--threshold", flags.threshold, "The job's; with less, fewer nodes leave, and it takes longer")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--job-turn", flags.turn, "The server's flag")->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = circuitd::Run(flags, part);
  if (!status.ok()) std::fprintf(stderr, "beside_jobs: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
