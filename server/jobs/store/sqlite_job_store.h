// The JobStore in one SQLite file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/jobs/store/job_store.h"
#include "server/jobs/store/sqlite_database.h"

namespace circuitd {

class SqliteJobStore : public JobStore {
 public:
  // Of a database that OpenJobDatabase has opened.
  explicit SqliteJobStore(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}

  absl::Status Insert(JobRecord& record, const std::vector<JobEvent>& events, absl::string_view input) override;
  absl::Status Update(const JobRecord& record, const JobEvent& event) override;
  absl::Status Delete(absl::string_view id) override;
  absl::StatusOr<JobRecord> Get(absl::string_view id) const override;
  absl::StatusOr<std::string> Input(absl::string_view id) const override;
  absl::StatusOr<std::vector<JobRecord>> List(const JobFilter& filter) const override;
  absl::StatusOr<std::optional<JobRecord>> FindRequest(absl::string_view owner,
                                                       absl::string_view request_id) const override;
  absl::StatusOr<std::optional<JobRecord>> FindResult(absl::string_view result_key) const override;
  absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after, EventLimit limit) const override;
  absl::StatusOr<bool> IsArtifactUsed(absl::string_view sha256) const override;
  absl::StatusOr<std::vector<std::string>> Expired(absl::Time ended_before, int64_t max_bytes) const override;

 private:
  absl::StatusOr<int64_t> NumberOf(absl::string_view id) const;
  absl::Status CheckIsNew(const JobRecord& record) const;
  absl::Status InsertEvent(int64_t number, const JobEvent& event);
  absl::Status InsertArtifacts(int64_t number, const std::vector<ArtifactInfo>& artifacts);
  absl::Status DeleteOf(int64_t number, absl::string_view statement);
  absl::Status DeleteRows(absl::string_view id);
  void GiveBackFreePages();
  // The records of a query that begins as kSelectRecords does.
  absl::StatusOr<std::vector<JobRecord>> Records(SqliteQuery& query, size_t max_bytes = SIZE_MAX) const;
  absl::StatusOr<std::optional<JobRecord>> FirstRecord(SqliteQuery& query) const;

  const std::unique_ptr<SqliteDatabase> database_;
};

// Opens or makes the file `path`, for this process alone, and reads all of it; ":memory:" is a store that ends with its
// object. Errors as in OpenJobDatabase; a file that is refused is left as it was.
//
// Insert, Delete and an Update into a state are on the disk when they are answered. An Update with a payload, of which
// there are dozens a second, outlives the process, however it ends; a power cut can take back the last of them.
absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& path);

}  // namespace circuitd
