#include "server/service/job_setup.h"

#include "base/status.h"
#include "server/jobs/store/sqlite_job_store.h"

namespace circuitd {
namespace {

absl::StatusOr<JobStorage> Open(const std::string& data_dir) {
  JobStorage storage;
  ASSIGN_OR_RETURN(storage.folder, DataFolder::Open(data_dir));
  ASSIGN_OR_RETURN(storage.store, OpenSqliteJobStore(storage.folder->jobs_file()));
  ASSIGN_OR_RETURN(storage.artifacts, ArtifactFolder::Open(storage.folder->artifacts_folder()));
  return storage;
}

}  // namespace

JobManager::Options JobOptions(const ServerOptions& options) {
  JobManager::Options jobs;
  jobs.max_queued_jobs = options.max_queued_jobs;
  jobs.max_queued_jobs_per_user = options.max_queued_jobs_per_user;
  jobs.shares = {options.user_weights, options.max_running_jobs_per_user};
  jobs.turn = options.job_turn;
  jobs.retention_age = options.retention_age;
  jobs.retention_bytes = options.retention_bytes;
  return jobs;
}

absl::StatusOr<JobStorage> OpenJobStorage(const std::string& data_dir) {
  absl::StatusOr<JobStorage> storage = Open(data_dir);
  if (!storage.ok()) return WithFieldPrefix("--data-dir", storage.status());
  return storage;
}

}  // namespace circuitd
