// Everything that can be set about a server.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/model/registry.h"
#include "server/telemetry/log.h"

namespace circuitd {

struct ServerOptions {
  std::string address = "127.0.0.1:50051";
  std::string metrics_address = "127.0.0.1:9464";  // empty: no metrics server
  std::string port_file;                           // empty: none

  ModelRegistry::Options models;
  std::vector<std::string> load;  // models that are loaded at start-up
  int threads = 0;                // of the CPU, for one forward pass; 0: as many as there are cores

  int64_t memory_budget_bytes = int64_t{2} << 30;
  int64_t max_message_bytes = int64_t{16} << 20;
  int64_t max_dataset_bytes = int64_t{64} << 20;
  int64_t max_stored_dataset_bytes = int64_t{1} << 30;
  int64_t max_reply_bytes = int64_t{1} << 30;
  int max_prompts_per_request = 4096;
  int max_queued_jobs = 256;
  int max_queued_jobs_per_user = 64;
  int max_running_jobs_per_user = 8;
  int max_queued_calls = 256;

  std::string data_dir;                                 // where jobs are kept
  std::map<std::string, double> user_weights;           // shares of the devices; others have 1
  absl::Duration job_turn = absl::Minutes(1);           // how long a job runs at least while another user's waits
  absl::Duration retention_age = absl::Hours(24 * 30);  // of ended jobs
  int64_t retention_bytes = int64_t{10} << 30;          // of all ended jobs together

  absl::Duration drain_timeout = absl::Seconds(30);
  absl::Duration stream_idle_timeout = absl::Seconds(60);
  std::string log_level = "info";
  LogFormat log_format = LogFormat::kText;
};

}  // namespace circuitd
