#include "client/dataset_upload.h"

#include "base/sha256.h"
#include "base/status.h"

namespace circuitd::client {

absl::StatusOr<std::string> EnsureDataset(Client& client, v1::DatasetFormat format, absl::string_view bytes) {
  v1::GetDatasetRequest request;
  request.set_sha256(Sha256Hex(bytes));
  const absl::StatusOr<v1::GetDatasetResponse> stored = client.GetDataset(request);
  if (stored.ok() && stored->dataset().format() == format) return request.sha256();
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  ASSIGN_OR_RETURN(const v1::UploadDatasetResponse uploaded, client.UploadDataset(format, bytes));
  return uploaded.dataset().sha256();
}

}  // namespace circuitd::client
