// What `circuit top` shows, as values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "circuitd/v1/model.pb.h"
#include "circuitd/v1/server.pb.h"

namespace circuitd::client {

// What a server said at one time.
struct TopSnapshot {
  v1::GetServerInfoResponse info;
  // Loaded ones, by name.
  std::vector<v1::Model> models;
  // The oldest first.
  std::vector<v1::Job> running;
  // As they are to begin.
  std::vector<v1::Job> queued;
  // A few, the last one first.
  std::vector<v1::Job> ended;
};

struct TopState {
  TopSnapshot snapshot;
  // Of the snapshot before; as it was at the server's start where there is none.
  v1::GetServerInfoResponse before = {};

  // Steps a second that running jobs make lately, by name. Without it the mean since a job's start is shown.
  std::map<std::string, double> rates = {};

  // Its address.
  std::string server;
  // Whose jobs are one's own.
  std::string user;
  absl::Time now;
  absl::TimeZone zone;
  // Why there is nothing newer than the snapshot, which was taken then.
  absl::Status trouble = absl::OkStatus();
  absl::Time taken;
  // On a screen, with keys.
  bool live = false;
  bool paused = false;
  bool own_only = false;
};

}  // namespace circuitd::client
