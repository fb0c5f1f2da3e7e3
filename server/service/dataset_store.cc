#include "server/service/dataset_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_document.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

absl::Status NoDataset(absl::string_view sha256) {
  return FieldError(absl::StatusCode::kNotFound, "sha256", absl::StrCat("no dataset ", sha256, "; upload it first"));
}

// The number of its prompts.
absl::StatusOr<int64_t> ValidateFile(FileFormat format, absl::string_view bytes) {
  switch (format) {
    case FileFormat::kPairs:
      return ValidateDataset(DatasetFormat::kPairs, bytes);
    case FileFormat::kPublished:
      return ValidateDataset(DatasetFormat::kPublished, bytes);
    case FileFormat::kCircuit:
      break;
  }
  if (bytes.size() > kMaxCircuitFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the circuit has ", bytes.size(), " bytes, must be at most ", kMaxCircuitFileBytes));
  }
  // The file's keys are no fields of the request.
  const absl::StatusOr<CircuitFormat> layout = CircuitFormatOf(bytes);
  if (!layout.ok()) return absl::InvalidArgumentError(layout.status().message());
  return 0;
}

}  // namespace

DatasetStore::DatasetStore(int64_t max_dataset_bytes, int64_t max_stored_bytes)
    : max_dataset_bytes_(max_dataset_bytes), budget_(max_stored_bytes) {}

DatasetStore::Upload::Upload(DatasetStore& store, FileFormat format)
    : store_(store), format_(format), reservation_(&store.budget_) {}

absl::Status DatasetStore::Upload::Append(absl::string_view bytes) {
  const int64_t limit = store_.max_dataset_bytes_;
  if (static_cast<int64_t>(bytes.size()) > limit - static_cast<int64_t>(bytes_.size())) {
    return absl::ResourceExhaustedError(absl::StrCat("the dataset is over max_dataset_bytes, ", limit));
  }
  if (!reservation_.Grow(static_cast<int64_t>(bytes.size()))) {
    return absl::ResourceExhaustedError(absl::StrCat("the datasets together are over max_stored_dataset_bytes, ",
                                                     store_.budget_.limit(), "; delete some"));
  }
  bytes_.append(bytes.data(), bytes.size());
  hash_.Update(bytes);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const StoredDataset>> DatasetStore::Upload::Finish(absl::string_view expected_sha256) {
  const std::string sha256 = hash_.Finish();
  if (!expected_sha256.empty() && expected_sha256 != absl::string_view(sha256)) {
    return FieldError(absl::StatusCode::kDataLoss, "header.sha256",
                      absl::StrCat(expected_sha256, ", the received bytes have ", sha256));
  }
  ASSIGN_OR_RETURN(const int64_t count, ValidateFile(format_, bytes_));
  bytes_.shrink_to_fit();  // chunk by chunk it may have got twice what the budget counts
  auto dataset = std::make_shared<const StoredDataset>(StoredDataset{sha256, format_, count, std::move(bytes_)});
  MutexLock lock(store_.mutex_);
  const auto [entry, inserted] =
      store_.datasets_.try_emplace(sha256, Entry{dataset, ByteBudget::Reservation(&store_.budget_)});
  if (inserted) {
    std::swap(entry->second.reservation, reservation_);
  } else if (entry->second.dataset->format != format_) {
    return FieldError(absl::StatusCode::kAlreadyExists, "header.format",
                      absl::StrCat("dataset ", sha256, " is stored with another format; delete it first"));
  }
  return entry->second.dataset;
}

std::unique_ptr<DatasetStore::Upload> DatasetStore::BeginUpload(FileFormat format) {
  return std::unique_ptr<Upload>(new Upload(*this, format));
}

absl::StatusOr<std::shared_ptr<const StoredDataset>> DatasetStore::Get(absl::string_view sha256) const {
  MutexLock lock(mutex_);
  const auto entry = datasets_.find(std::string(sha256));
  if (entry == datasets_.end()) return NoDataset(sha256);
  return entry->second.dataset;
}

std::vector<std::shared_ptr<const StoredDataset>> DatasetStore::List() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<const StoredDataset>> datasets;
  datasets.reserve(datasets_.size());
  for (const auto& [sha256, entry] : datasets_) datasets.push_back(entry.dataset);
  return datasets;
}

absl::Status DatasetStore::Delete(absl::string_view sha256) {
  MutexLock lock(mutex_);
  return datasets_.erase(std::string(sha256)) > 0 ? absl::OkStatus() : NoDataset(sha256);
}

}  // namespace circuitd
