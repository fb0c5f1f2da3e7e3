#include "server/jobs/store/sqlite_database.h"

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/file_error.h"

namespace circuitd {

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path) {
  auto database = std::unique_ptr<SqliteDatabase>(new SqliteDatabase(path));
  errno = 0;
  const int code = sqlite3_open_v2(path.c_str(), &database->database_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return database->Error(code);
  // A file that may not be written is opened for reading without a word.
  if (sqlite3_db_readonly(database->database_, "main") != 0) return database->Error(SQLITE_READONLY);
  sqlite3_db_config(database->database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(database->database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

void SqliteDatabase::Serve() {
  serving_ = true;
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

absl::Status SqliteDatabase::Execute(const std::string& statements) {
  errno = 0;
  const int code = sqlite3_exec(database_, statements.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

SqliteQuery SqliteDatabase::Query(absl::string_view statement) {
  auto prepared = statements_.find(statement);
  if (prepared == statements_.end()) {
    sqlite3_stmt* fresh = nullptr;
    const int code = sqlite3_prepare_v3(database_, statement.data(), static_cast<int>(statement.size()),
                                        SQLITE_PREPARE_PERSISTENT, &fresh, nullptr);
    if (code != SQLITE_OK) return SqliteQuery(*this, nullptr, code);
    absl::Cleanup finalize = [fresh] { sqlite3_finalize(fresh); };
    prepared = statements_.emplace(std::string(statement), fresh).first;
    std::move(finalize).Cancel();
  }
  return SqliteQuery(*this, prepared->second, SQLITE_OK);
}

absl::StatusOr<std::string> SqliteDatabase::Value(absl::string_view statement) {
  SqliteQuery query = Query(statement);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return absl::InternalError(absl::StrCat(path_, ": no answer to ", statement));
  return query.BytesAt(0);
}

absl::Status SqliteDatabase::RunPrepared(absl::string_view statement) { return Query(statement).Run(); }

absl::Status SqliteDatabase::Transact(Durability durability, absl::FunctionRef<absl::Status()> changes) {
  if (durability != durability_) {
    // Not prepared: this one works when it is prepared, not when it runs.
    RETURN_IF_ERROR(
        Execute(durability == Durability::kPowerCut ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    durability_ = durability;
  }
  RETURN_IF_ERROR(RunPrepared("BEGIN IMMEDIATE"));
  absl::Cleanup roll_back = [this] {
    // SQLite has done so by itself after some errors.
    if (sqlite3_get_autocommit(database_) == 0) RunPrepared("ROLLBACK").IgnoreError();
  };
  RETURN_IF_ERROR(changes());
  return RunPrepared("COMMIT");
}

absl::Status SqliteDatabase::DataLoss(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, " is damaged: ", what));
}

absl::Status SqliteDatabase::Error(int code) const {
  const absl::string_view what = database_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database_);
  const int primary = code & 0xff;
  // SQLite forgets what the operating system said when a COMMIT fails, errno doesn't.
  const int error = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? errno : 0;
  if (primary == SQLITE_FULL || IsDiskFull(error)) return FileError(path_, "write", error == 0 ? ENOSPC : error);
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || code == SQLITE_IOERR_CORRUPTFS) return DataLoss(what);
  if (serving_) return absl::InternalError(absl::StrCat(path_, ": ", what));
  switch (primary) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::PermissionDeniedError(absl::StrCat(path_, ": may not be written"));
    case SQLITE_CANTOPEN:
      if (error != 0) return FileError(path_, "open", error);
      return absl::FailedPreconditionError(absl::StrCat(path_, ": ", what));
    case SQLITE_ERROR:  // the statements are right, so that what they have found is not
      return DataLoss(what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::FailedPreconditionError(absl::StrCat(path_, " is in use by another process"));
    default:
      return absl::InternalError(absl::StrCat(path_, ": ", what));
  }
}

}  // namespace circuitd
