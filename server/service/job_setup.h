// What the JobManager of a server is made of: its flags and its data folder.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/store/artifact_folder.h"
#include "server/jobs/store/data_folder.h"
#include "server/jobs/store/job_store.h"
#include "server/service/server_options.h"

namespace circuitd {

JobManager::Options JobOptions(const ServerOptions& options);

// The folder, which this process alone has as long as it lives, and what is in it.
struct JobStorage {
  std::unique_ptr<DataFolder> folder;
  std::unique_ptr<JobStore> store;
  std::unique_ptr<ArtifactFolder> artifacts;
};

// Errors name --data-dir.
absl::StatusOr<JobStorage> OpenJobStorage(const std::string& data_dir);

}  // namespace circuitd
