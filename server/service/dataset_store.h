// Files of prompts and circuits that clients uploaded, in memory, named by the sha256 of their bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "server/service/byte_budget.h"

namespace circuitd {

enum class FileFormat { kPairs, kPublished, kCircuit };

// Immutable.
struct StoredDataset {
  std::string sha256;
  FileFormat format = FileFormat::kPairs;
  int64_t prompt_count = 0;  // 0 of a circuit
  std::string bytes;
};

// Thread-safe. Users of a dataset keep it when it is deleted.
class DatasetStore {
 public:
  DatasetStore(int64_t max_dataset_bytes, int64_t max_stored_bytes);

  // A file on its way in; nothing is kept if it goes before Finish. The store outlives it. Not thread-safe.
  class Upload {
   public:
    // RESOURCE_EXHAUSTED naming the limit of one dataset, or of all together, those on their way included.
    absl::Status Append(absl::string_view bytes);
    // Validates and stores; the stored one if it was there before. INVALID_ARGUMENT naming line and key (of a circuit
    // only whether it looks like one, since what it may contain is the model's business); DATA_LOSS if the bytes have
    // another sha256 than `expected_sha256`, unless that is empty; ALREADY_EXISTS if they are stored with another
    // format. Takes as long as parsing; call once.
    absl::StatusOr<std::shared_ptr<const StoredDataset>> Finish(absl::string_view expected_sha256);

   private:
    friend class DatasetStore;
    Upload(DatasetStore& store, FileFormat format);

    DatasetStore& store_;
    const FileFormat format_;
    ByteBudget::Reservation reservation_;
    std::string bytes_;
    Sha256 hash_;
  };
  std::unique_ptr<Upload> BeginUpload(FileFormat format);

  // NOT_FOUND if it is not there; also Delete.
  absl::StatusOr<std::shared_ptr<const StoredDataset>> Get(absl::string_view sha256) const;
  // Sorted by sha256.
  std::vector<std::shared_ptr<const StoredDataset>> List() const;
  absl::Status Delete(absl::string_view sha256);

 private:
  struct Entry {
    std::shared_ptr<const StoredDataset> dataset;
    ByteBudget::Reservation reservation;
  };

  const int64_t max_dataset_bytes_;
  ByteBudget budget_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> datasets_ GUARDED_BY(mutex_);
};

}  // namespace circuitd
