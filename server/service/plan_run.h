// One run of a job: its pace, the device's time, its progress.
#pragma once

#include <google/protobuf/message_lite.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/checkpoint.h"
#include "server/jobs/job_body.h"
#include "server/telemetry/metrics.h"

namespace circuitd {

// Used on the device's worker only.
class PlanRun {
 public:
  PlanRun(Metrics& metrics, JobContext& context) : metrics_(metrics), context_(context) {}

  // Takes up what earlier runs have left. DATA_LOSS if that is damaged.
  absl::Status Begin();
  // The device's time since the last pause, or the start, is told to the metrics.
  void CountWork();

  // To be called before each forward pass. Valid as long as the run.
  Checkpoint checkpoint();
  // Payloads of the earlier runs' events.
  const std::vector<std::string>& past_events() const { return context_.past_events(); }

  struct Steps {
    int64_t done = 0;
    int64_t left = 0;
    int iteration = 0;
  };
  // Appends an event: a message of the job's kind.
  void Emit(const google::protobuf::MessageLite& event, Steps steps);
  // The same of a decision, which the metrics count.
  void EmitDecision(const google::protobuf::MessageLite& event, Steps steps);

 private:
  using Clock = std::chrono::steady_clock;

  absl::Status Pause();

  Metrics& metrics_;
  JobContext& context_;
  const Clock::time_point start_ = Clock::now();
  absl::Duration worked_before_;
  Clock::time_point working_since_ = Clock::now();
};

}  // namespace circuitd
