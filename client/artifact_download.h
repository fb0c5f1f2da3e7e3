// Brings a job's artifacts to the disk, whole or not at all.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/job.pb.h"
#include "client/back_off.h"
#include "client/canceller.h"
#include "client/client.h"

namespace circuitd::client {

struct DownloadOptions {
  BackOffPolicy back_off;
  // Called before each wait for another attempt.
  std::function<void(const absl::Status& error, absl::Duration wait)> on_reconnect;
  Canceller* canceller = nullptr;
};

// INVALID_ARGUMENT unless the name is a plain file name: a server must not choose where on this machine it writes.
absl::Status CheckArtifactName(absl::string_view name);

// Writes `artifact` of the job to `folder`/its name. The bytes go to a file with ".part" appended, which is renamed
// when its size and sha256 are the artifact's; a broken connection, or an earlier call that broke off, is taken up
// where that file ends. A file of that name is replaced, and left alone on failure. DATA_LOSS when the bytes are not
// the artifact's; then nothing of them is kept.
absl::Status DownloadArtifactTo(Client& client, const std::string& job_name, const v1::Artifact& artifact,
                                const std::string& folder, const DownloadOptions& options);

}  // namespace circuitd::client
