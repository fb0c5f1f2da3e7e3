#include "tests/unit/jobs/store/store_test_util.h"

#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"

namespace circuitd {

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteBytes(const std::string& path, absl::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), bytes.size());
}

absl::Time Second(int64_t seconds) { return absl::FromUnixSeconds(1'790'000'000 + seconds); }

JobRecord QueuedJob(absl::string_view id) {
  JobRecord record;
  record.id = std::string(id);
  record.owner = "owner";
  record.request_id = absl::StrCat("request of ", id);
  record.request_fingerprint = absl::StrCat("fingerprint of ", id);
  record.device = "cpu";
  record.spec = absl::StrCat("spec of ", id);
  record.result_key = absl::StrCat("key of ", id);
  record.priority = -3;
  record.micro_batch_prompts = 16;
  record.estimate = absl::Milliseconds(1500);
  record.created = Second(1) + absl::Nanoseconds(123'456'789);
  record.last_sequence = 1;
  return record;
}

JobEvent StateEvent(uint64_t sequence, JobState state) {
  JobEvent event;
  event.sequence = sequence;
  event.time = Second(sequence);
  event.state = state;
  return event;
}

JobEvent PayloadEvent(uint64_t sequence, absl::string_view payload) {
  JobEvent event;
  event.sequence = sequence;
  event.time = Second(sequence) + absl::Nanoseconds(1);
  event.payload = std::string(payload);
  return event;
}

ArtifactInfo Artifact(absl::string_view name, absl::string_view bytes) {
  return {.name = std::string(name),
          .media_type = "application/json",
          .sha256 = Sha256Hex(bytes),
          .size_bytes = static_cast<int64_t>(bytes.size())};
}

std::string Describe(const JobRecord& record) {
  std::string text = absl::StrCat("number ", record.number, " id ", absl::CEscape(record.id), " owner ",
                                  absl::CEscape(record.owner), " request ", absl::CEscape(record.request_id),
                                  " fingerprint ", absl::CEscape(record.request_fingerprint), " device ",
                                  absl::CEscape(record.device), " spec ", absl::CEscape(record.spec));
  absl::StrAppend(&text, " key ", absl::CEscape(record.result_key), " same_as ", absl::CEscape(record.same_as),
                  " priority ", record.priority, " deadline ", absl::FormatTime(record.deadline, absl::UTCTimeZone()),
                  " cancel_unwatched ", record.cancel_unwatched, " micro_batch ", record.micro_batch_prompts,
                  " estimate ", absl::FormatDuration(record.estimate), " created ",
                  absl::FormatTime(record.created, absl::UTCTimeZone()));
  absl::StrAppend(&text, "\nstate ", JobStateName(record.state), " started ",
                  absl::FormatTime(record.started, absl::UTCTimeZone()), " ended ",
                  absl::FormatTime(record.ended, absl::UTCTimeZone()), " last ", record.last_sequence, " progress ",
                  absl::CEscape(record.progress), " error ", absl::CEscape(record.error.ToString()), " result ",
                  absl::CEscape(record.result));
  for (const ArtifactInfo& artifact : record.artifacts) {
    absl::StrAppend(&text, "\nartifact ", absl::CEscape(artifact.name), " ", absl::CEscape(artifact.media_type), " ",
                    absl::CEscape(artifact.sha256), " ", artifact.size_bytes);
  }
  return text;
}

std::string Describe(const JobEvent& event) {
  return absl::StrCat(event.sequence, " at ", absl::FormatTime(event.time, absl::UTCTimeZone()), " ",
                      event.state ? JobStateName(*event.state) : "payload", " ", absl::CEscape(event.payload));
}

}  // namespace circuitd
