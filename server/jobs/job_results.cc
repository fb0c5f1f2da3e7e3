// What jobs leave: files to read, and results for jobs that equal them.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/jobs/job_life.h"
#include "server/jobs/job_manager.h"

namespace circuitd {

absl::StatusOr<std::pair<ArtifactInfo, std::shared_ptr<const ArtifactReader>>> JobManager::GetArtifact(
    absl::string_view id, absl::string_view name) const {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (record.state != JobState::kSucceeded) {
    return absl::NotFoundError(absl::StrCat("jobs/", id, ": has no artifacts, it is ", JobStateName(record.state)));
  }
  for (const ArtifactInfo& info : record.artifacts) {
    if (absl::string_view(info.name) != name) continue;
    absl::StatusOr<std::shared_ptr<const ArtifactReader>> reader = artifacts_->Open(info);
    if (absl::IsNotFound(reader.status())) {
      return absl::DataLossError(absl::StrCat("jobs/", id, "/", name, ": its file is gone from the data folder"));
    }
    if (absl::IsDataLoss(reader.status())) {
      return absl::DataLossError(absl::StrCat("jobs/", id, "/", name, ": ", reader.status().message()));
    }
    RETURN_IF_ERROR(reader.status());
    return std::make_pair(info, *std::move(reader));
  }
  return FieldError(absl::StatusCode::kNotFound, "artifact", absl::StrCat("jobs/", id, " has no \"", name, "\""));
}

absl::StatusOr<std::optional<JobRecord>> JobManager::FindResultLocked(const JobRequest& request) const {
  if (!request.use_result || request.result_key.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<JobRecord> source, store_->FindResult(request.result_key));
  if (!source) return std::nullopt;
  for (const ArtifactInfo& artifact : source->artifacts) {
    const auto reader = artifacts_->Open(artifact);
    if (!reader.ok()) return std::nullopt;
    const auto bytes = (*reader)->Read(0, artifact.size_bytes);
    if (!bytes.ok() || Sha256Hex(*bytes) != artifact.sha256) return std::nullopt;
  }
  return source;
}

absl::StatusOr<JobRecord> JobManager::InsertWithResult(JobRecord record, const JobRecord& source, News& news) {
  ASSIGN_OR_RETURN(std::vector<JobEvent> made, store_->Events(source.id, 0, SIZE_MAX));
  const absl::Time now = options_.clock();
  std::vector<JobEvent> events = {BeQueued(record, now)};
  news.changed.push_back(record);
  for (JobEvent& event : made) {
    if (!event.state) events.push_back(Happen(record, std::move(event.payload), source.progress, now));
  }
  record.same_as = source.same_as.empty() ? source.id : source.same_as;
  record.micro_batch_prompts = source.micro_batch_prompts;
  record.result = source.result;
  record.artifacts = source.artifacts;
  record.started = record.created;
  events.push_back(Enter(record, JobState::kSucceeded, now));
  RETURN_IF_ERROR(store_->Insert(record, events, ""));
  news.changed.push_back(record);
  // One more that has ended.
  next_retention_ = -absl::InfiniteDuration();
  TimersChanged();
  return record;
}

}  // namespace circuitd
