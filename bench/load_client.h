// One of many clients that put a server under load: a seeded mix of calls, of which some are meant to fail.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bench/call_tally.h"
#include "bench/latencies.h"
#include "circuitd/v1/job.pb.h"
#include "client/client.h"

namespace circuitd {

// One thread at a time.
class LoadClient {
 public:
  // The clients, and `tally`, outlive it; `hurried` gives up on a call after a millisecond.
  LoadClient(std::string model, uint64_t seed, client::Client& client, client::Client& hurried, CallTally& tally);

  // One call of the mix; where that needs a job's end, or room in the queue, all that it takes to get there.
  void Step();
  // The call that the others are held against: the next token after one short prompt.
  void ForwardOne();

  // Of ForwardOne.
  const Latencies& latencies() const { return latencies_; }
  // Submits that were tried again because the queue was full.
  int retries() const { return retries_; }

 private:
  using Codes = std::set<absl::StatusCode>;

  // True if the call was OK.
  bool Count(const std::string& call, const absl::Status& status, const Codes& asked_for = {absl::StatusCode::kOk});
  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint64_t>(below)); }

  void RunPatched();
  void Read();
  void Tokenize();
  void Submit();
  void WatchAndForget();
  void WatchAndLeave();
  void Cancel();
  void Look();
  void Fail();

  void Download(const v1::Job& job);
  void Delete(const std::string& job, const Codes& asked_for);
  std::string SomeJob() { return jobs_[Pick(static_cast<int>(jobs_.size()))]; }

  const std::string model_;
  std::mt19937_64 random_;
  client::Client& client_;
  client::Client& hurried_;
  CallTally& tally_;
  Latencies latencies_;
  int retries_ = 0;
  std::deque<std::string> jobs_;  // of this client alone, oldest first
};

}  // namespace circuitd
