#include "server/jobs/store/job_database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/file_error.h"

namespace circuitd {
namespace {

constexpr char kInMemory[] = ":memory:";
constexpr int kVersion = 1;
constexpr int64_t kSmallestPage = 512;

// What changes often is apart from what is long: an UPDATE writes its row anew, whole. Strings are BLOBs, since they
// may be any bytes. Times are nanoseconds since 1970, durations nanoseconds; NULL is `never` or `not yet`. log_bytes
// counts spec and payloads, which only grow; bytes counts results and artifacts, too. A number is never used again, for
// which AUTOINCREMENT is.
constexpr char kSchema[] = R"sql(
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  owner BLOB NOT NULL,
  request_id BLOB NOT NULL,
  request_fingerprint BLOB NOT NULL,
  device BLOB NOT NULL,
  result_key BLOB NOT NULL,
  same_as BLOB NOT NULL,
  priority INTEGER NOT NULL,
  deadline INTEGER,
  cancel_unwatched INTEGER NOT NULL,
  micro_batch_prompts INTEGER NOT NULL,
  estimate INTEGER NOT NULL,
  created INTEGER,
  state TEXT NOT NULL,
  started INTEGER,
  ended INTEGER,
  last_sequence INTEGER NOT NULL,
  error_code INTEGER NOT NULL,
  error_message BLOB NOT NULL,
  log_bytes INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  progress BLOB NOT NULL,
  result BLOB NOT NULL
);
CREATE UNIQUE INDEX jobs_by_request ON jobs (owner, request_id) WHERE request_id != x'';
CREATE INDEX jobs_by_result ON jobs (result_key) WHERE state = 'succeeded';
CREATE INDEX jobs_by_state ON jobs (state, owner);
CREATE INDEX jobs_by_end ON jobs (ended, number, bytes, state)
  WHERE state IN ('succeeded', 'failed', 'cancelled');
CREATE TABLE specs (job INTEGER PRIMARY KEY, spec BLOB NOT NULL);
CREATE TABLE inputs (job INTEGER PRIMARY KEY, input BLOB NOT NULL);
CREATE TABLE events (
  job INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time INTEGER,
  state TEXT,
  payload BLOB NOT NULL,
  PRIMARY KEY (job, sequence)
) WITHOUT ROWID;
CREATE TABLE artifacts (
  job INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name BLOB NOT NULL,
  media_type BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (job, position)
) WITHOUT ROWID;
CREATE INDEX artifacts_by_sha256 ON artifacts (sha256);
)sql";

absl::StatusOr<int64_t> SizeOf(const std::string& path) {
  struct stat file;
  if (::stat(path.c_str(), &file) == 0) {
    if (S_ISREG(file.st_mode)) return file.st_size;
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file; move it away"));
  }
  if (errno == ENOENT) return -1;
  return FileError(path, "open", errno);
}

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, " is damaged: ", what));
}

// Makes an empty file, which SQLite takes for a new database, where there is none. Returns how many bytes of pages must
// lie in the file itself; nullopt if some can be in its log.
absl::StatusOr<std::optional<int64_t>> PrepareFile(const std::string& path) {
  ASSIGN_OR_RETURN(const int64_t size, SizeOf(path));
  ASSIGN_OR_RETURN(const int64_t log_size, SizeOf(path + "-wal"));
  // SQLite takes a single byte for none, and throws the log of an empty file away.
  if (size > 0 && size < kSmallestPage) return Damaged(path, "it is cut short");
  if (size <= 0 && log_size > 0) {
    return Damaged(path, absl::StrCat("it is ", size == 0 ? "empty" : "gone", ", its -wal is not"));
  }
  if (size < 0) {
    // Only a file that is not there yet may be opened and closed here: closing one drops this process's locks on it.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return FileError(path, "create", errno);
    ::close(fd);
  }
  if (log_size > 0) return std::nullopt;
  return std::max<int64_t>(size, 0);
}

absl::StatusOr<int64_t> NumberFrom(SqliteDatabase& database, absl::string_view statement) {
  ASSIGN_OR_RETURN(const std::string text, database.Value(statement));
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) return database.DataLoss(absl::StrCat(statement, " is ", text));
  return number;
}

absl::StatusOr<std::string> SchemaOf(SqliteDatabase& database) {
  std::string schema;
  SqliteQuery query = database.Query("SELECT type, name, sql FROM sqlite_schema ORDER BY name");
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return schema;
    absl::StrAppend(&schema, query.BytesAt(0), " ", query.BytesAt(1), " ", query.BytesAt(2), "\n");
  }
}

absl::Status CheckSchema(SqliteDatabase& database, const std::string& schema) {
  ASSIGN_OR_RETURN(const auto fresh, SqliteDatabase::Open(kInMemory));
  RETURN_IF_ERROR(fresh->Execute(kSchema));
  ASSIGN_OR_RETURN(const std::string expected, SchemaOf(*fresh));
  // Nobody else's file, and no other version's.
  return schema == expected ? absl::OkStatus() : database.DataLoss("it has other tables than jobs have");
}

absl::Status CheckPages(SqliteDatabase& database, std::optional<int64_t> size) {
  if (size) {
    // SQLite takes what is missing of the last page for zeros.
    ASSIGN_OR_RETURN(const int64_t pages, NumberFrom(database, "PRAGMA page_count"));
    ASSIGN_OR_RETURN(const int64_t page_size, NumberFrom(database, "PRAGMA page_size"));
    if (*size < pages * page_size) return database.DataLoss("it is cut short");
  }
  ASSIGN_OR_RETURN(const std::string answer, database.Value("PRAGMA quick_check(1)"));
  return answer == "ok" ? absl::OkStatus() : database.DataLoss(answer);
}

absl::Status TurnLogOn(SqliteDatabase& database) {
  ASSIGN_OR_RETURN(const std::string mode, database.Value("PRAGMA journal_mode = WAL"));
  if (mode == "wal" || database.path() == kInMemory) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(database.path(), ": can't have a write-ahead log"));
}

absl::Status MakeTables(SqliteDatabase& database) {
  RETURN_IF_ERROR(database.Execute("PRAGMA auto_vacuum = INCREMENTAL"));
  RETURN_IF_ERROR(TurnLogOn(database));
  return database.Transact(Durability::kPowerCut, [&database] {
    return database.Execute(absl::StrCat(kSchema, "PRAGMA user_version = ", kVersion));
  });
}

absl::Status OpenTables(SqliteDatabase& database, std::optional<int64_t> size) {
  RETURN_IF_ERROR(
      database.Execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
                       "PRAGMA journal_size_limit = 16777216"));
  ASSIGN_OR_RETURN(const int64_t version, NumberFrom(database, "PRAGMA user_version"));
  if (version < 0) return database.DataLoss("it has no version");
  if (version > kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(database.path(), " was made by a newer circuitd: its version is ",
                                                      version, ", this one knows ", kVersion));
  }
  RETURN_IF_ERROR(CheckPages(database, size));
  ASSIGN_OR_RETURN(const std::string schema, SchemaOf(database));
  // A process that is killed while it makes the file leaves it without tables.
  if (version == 0 && schema.empty()) return MakeTables(database);
  RETURN_IF_ERROR(CheckSchema(database, schema));
  return TurnLogOn(database);
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenAndCheck(const std::string& path) {
  std::optional<int64_t> size;
  if (path != kInMemory) {
    ASSIGN_OR_RETURN(size, PrepareFile(path));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database, SqliteDatabase::Open(path));
  RETURN_IF_ERROR(OpenTables(*database, size));
  database->Serve();
  return database;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenJobDatabase(const std::string& path) {
  auto database = OpenAndCheck(path);
  if (!absl::IsDataLoss(database.status())) return database;
  return absl::DataLossError(
      absl::StrCat(database.status().message(), "; move it away (with -wal) to begin with no jobs, or restore a copy"));
}

}  // namespace circuitd
