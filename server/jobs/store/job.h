// Jobs as plain values: records, events and artifacts. Specs, inputs, results and payloads are opaque bytes here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace circuitd {

enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

inline bool HasEnded(JobState state) { return state != JobState::kQueued && state != JobState::kRunning; }

// "queued", "running", "succeeded", "failed", "cancelled".
absl::string_view JobStateName(JobState state);

struct ArtifactInfo {
  std::string name;        // "circuit.json"
  std::string media_type;  // "application/json"
  std::string sha256;
  int64_t size_bytes = 0;
};

struct ArtifactFile {
  std::string name;
  std::string media_type;
  std::string bytes;
};

// A job's entering a state, or something that happened while it ran.
struct JobEvent {
  uint64_t sequence = 0;  // from 1, without gaps
  absl::Time time;
  std::optional<JobState> state;
  std::string payload;  // if it is no state
};

struct JobRecord {
  // Given when the job is stored, and never changed.
  std::string id;
  uint64_t number = 0;  // ascending with the submits, never used again
  std::string owner;
  std::string request_id;           // empty: none
  std::string request_fingerprint;  // equal for equal requests
  std::string device;               // whose worker runs it
  std::string spec;
  std::string result_key;  // equal for jobs with equal results; empty: of this one nothing is known
  std::string same_as;     // id of the job that its result is from; empty: its own
  int priority = 0;
  absl::Time deadline = absl::InfiniteFuture();
  bool cancel_unwatched = false;    // nobody watches it: nobody wants it
  int64_t micro_batch_prompts = 0;  // that run side by side, before a restart as after it
  absl::Duration estimate;          // of its run; zero: unknown
  absl::Time created;

  // What changes while it lives.
  JobState state = JobState::kQueued;
  absl::Time started = absl::InfinitePast();  // for the first time; InfinitePast: not yet
  absl::Time ended = absl::InfinitePast();
  uint64_t last_sequence = 0;
  std::string progress;  // of the last event with a payload
  absl::Status error;    // of failed and cancelled jobs; its payloads are not kept
  std::string result;    // of succeeded jobs
  std::vector<ArtifactInfo> artifacts;
};

}  // namespace circuitd
