// Files, jobs and events to store.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/jobs/store/job.h"
#include "tests/unit/model/temp_folder.h"

namespace circuitd {

std::string ReadBytes(const std::string& path);
void WriteBytes(const std::string& path, absl::string_view bytes);

inline constexpr absl::string_view kOddBytes("\0\xff\xc0 '\"\n\0", 8);

// So many seconds after some day in 2026.
absl::Time Second(int64_t seconds);

// A queued job with an event; every other field has a value of its own, made of its id.
JobRecord QueuedJob(absl::string_view id);
JobEvent StateEvent(uint64_t sequence, JobState state);
JobEvent PayloadEvent(uint64_t sequence, absl::string_view payload);
ArtifactInfo Artifact(absl::string_view name, absl::string_view bytes);

// All fields, bytes escaped, to compare and to read.
std::string Describe(const JobRecord& record);
std::string Describe(const JobEvent& event);

}  // namespace circuitd
