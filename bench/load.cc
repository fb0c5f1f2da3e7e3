// Puts a server under load: many clients with a mix of all calls, jobs and mistakes, seeded. Says how calls ended, what
// an interactive one cost idle and under load, and how the server's memory and data folder grew. Exit code 1 if a call
// had a status that nobody asked for.
//
//   OMP_WAIT_POLICY=PASSIVE build/bench/bench/load --circuitd build/bench/server/circuitd --seconds 120
#include <CLI/CLI.hpp>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/call_tally.h"
#include "bench/load_client.h"
#include "bench/server_process.h"
#include "client/channel.h"

namespace circuitd {
namespace {

constexpr char kModel[] = "seqcont-demo";
constexpr int kUsers = 8;
constexpr int kChannels = 8;
constexpr int kIdleCalls = 300;

struct Flags {
  std::string circuitd = "build/bench/server/circuitd", model = "models/seqcont-demo";
  std::vector<std::string> server_flags;
  int clients = 64, seconds = 120, sample_seconds = 10;
  uint64_t seed = 1;
};

std::string LoadAverage() {
  std::string load;
  std::ifstream file("/proc/loadavg");
  std::getline(file, load);
  return load;
}

double Megabytes(double bytes) { return bytes / 1e6; }

// One user's ways to the server.
struct User {
  static absl::StatusOr<User> Make(const std::string& address, int number) {
    const auto channel = client::MakeChannel(address);
    User user;
    ASSIGN_OR_RETURN(user.patient,
                     client::Client::Create(channel, {absl::StrCat("user-", number % kUsers), absl::Minutes(5)}));
    ASSIGN_OR_RETURN(user.hurried,
                     client::Client::Create(channel, {absl::StrCat("user-", number % kUsers), absl::Milliseconds(1)}));
    return user;
  }
  std::unique_ptr<client::Client> patient, hurried;
};

// Samples of resident memory, a line each.
class MemoryReport {
 public:
  explicit MemoryReport(const ServerProcess& server) : server_(server) {}

  void Sample(double seconds, int calls) {
    samples_.push_back({seconds, calls, static_cast<double>(server_.ResidentBytes())});
    std::printf("  %4.0f s  %7d calls  resident %7.1f MB  CPU %6.1f s  data %6.1f MB\n", seconds, calls,
                Megabytes(samples_.back().bytes), server_.CpuSeconds(),
                Megabytes(static_cast<double>(server_.DataBytes())));
    std::fflush(stdout);
  }

  // From the first sample but the one at the start: by how much it grew, and how far samples lie from a straight line.
  void Print() const {
    if (samples_.size() < 4) return;
    const std::vector<Point> points(samples_.begin() + 1, samples_.end());
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (const Point& point : points) {
      n += 1, x += point.seconds, y += point.bytes;
      xx += point.seconds * point.seconds, xy += point.seconds * point.bytes;
    }
    const double slope = (n * xy - x * y) / (n * xx - x * x), start = (y - slope * x) / n;
    double squares = 0;
    for (const Point& point : points) squares += std::pow(point.bytes - start - slope * point.seconds, 2);
    const double growth = points.back().bytes - points.front().bytes;
    std::printf(
        "memory: %+.1f MB from %.0f s on, %.0f bytes a call; a line through the samples rises %.2f MB a minute, "
        "they lie %.1f MB beside it\n",
        Megabytes(growth), points.front().seconds, growth / (points.back().calls - points.front().calls),
        Megabytes(slope * 60), Megabytes(std::sqrt(squares / n)));
  }

 private:
  struct Point {
    double seconds;
    int calls;
    double bytes;
  };
  const ServerProcess& server_;
  std::vector<Point> samples_;
};

absl::StatusOr<int> Run(const Flags& flags) {
  std::vector<std::string> server_flags = {"--model", absl::StrCat(kModel, "=", flags.model), "--load", kModel};
  server_flags.insert(server_flags.end(), flags.server_flags.begin(), flags.server_flags.end());
  ASSIGN_OR_RETURN(const auto server, ServerProcess::Start(flags.circuitd, server_flags));
  std::vector<User> users;
  for (int i = 0; i < kChannels; ++i) {
    ASSIGN_OR_RETURN(User user, User::Make(server->address(), i));
    users.push_back(std::move(user));
  }
  CallTally tally;
  std::printf("load average before: %s\n", LoadAverage().c_str());

  LoadClient alone(kModel, flags.seed, *users[0].patient, *users[0].hurried, tally);
  for (int i = 0; i < kIdleCalls; ++i) alone.ForwardOne();
  const Latencies idle = alone.latencies();

  std::deque<LoadClient> clients;
  for (int i = 0; i < flags.clients; ++i) {
    const User& user = users[i % users.size()];
    clients.emplace_back(kModel, flags.seed + 1 + i, *user.patient, *user.hurried, tally);
  }
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  const absl::Time begin = absl::Now();
  const int calls_before = tally.calls();
  MemoryReport memory(*server);
  memory.Sample(0, 0);
  for (LoadClient& client : clients) {
    threads.emplace_back([&client, &over] {
      while (!over) client.Step();
    });
  }
  for (int passed = flags.sample_seconds; passed <= flags.seconds; passed += flags.sample_seconds) {
    absl::SleepFor(begin + absl::Seconds(passed) - absl::Now());
    memory.Sample(absl::ToDoubleSeconds(absl::Now() - begin), tally.calls() - calls_before);
  }
  const double rate = (tally.calls() - calls_before) / absl::ToDoubleSeconds(absl::Now() - begin);
  over = true;
  for (std::thread& thread : threads) thread.join();

  Latencies loaded;
  int retries = 0;
  for (const LoadClient& client : clients) {
    loaded.Add(client.latencies());
    retries += client.retries();
  }
  std::printf("load average after: %s\n%s", LoadAverage().c_str(), tally.Table().c_str());
  memory.Print();
  const double ratio = loaded.Milliseconds(0.99) / idle.Milliseconds(0.99);
  std::printf("one prompt, idle:       %6zu calls, p50 %7.2f ms, p99 %7.2f ms\n", idle.size(), idle.Milliseconds(0.5),
              idle.Milliseconds(0.99));
  std::printf("one prompt, under load: %6zu calls, p50 %7.2f ms, p99 %7.2f ms, p99 is %.1f times that\n", loaded.size(),
              loaded.Milliseconds(0.5), loaded.Milliseconds(0.99), ratio);
  std::printf("%d clients: %.0f calls/s, %d submits tried again, %d errors\n", flags.clients, rate, retries,
              tally.errors());
  return tally.errors() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app("Puts a server of its own under load and says what that did to calls, memory and disk.");
  app.option_defaults()->always_capture_default();
  app.add_option("--circuitd", flags.circuitd, "The server's binary")->check(CLI::ExistingFile.description(""));
  app.add_option("--model", flags.model, "The folder of models/seqcont-demo");
  app.add_option("--server-flag", flags.server_flags, "Passed on to the server; repeatable")->allow_extra_args(false);
  app.add_option("--clients", flags.clients, "Clients that call at once")->check(CLI::PositiveNumber);
  app.add_option("--seconds", flags.seconds, "How long")->check(CLI::PositiveNumber);
  app.add_option("--sample-seconds", flags.sample_seconds, "How often memory is read")->check(CLI::PositiveNumber);
  app.add_option("--seed", flags.seed, "Seed of the mix");
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<int> code = circuitd::Run(flags);
  if (!code.ok()) std::fprintf(stderr, "load: %s\n", std::string(code.status().message()).c_str());
  return code.value_or(2);
}
