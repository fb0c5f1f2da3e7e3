// A SQLite database with its prepared statements; its errors are statuses that name the file.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// What a change that was answered OK outlives.
enum class Durability { kKilledProcess, kPowerCut };

class SqliteDatabase;

// One run of a statement. Parameters are bound in their order; an error in between is answered by Step and Run. Neither
// thread-safe nor reentrant: of one statement of a database there is one query at a time.
class SqliteQuery {
 public:
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  SqliteQuery& Int(int64_t value);
  SqliteQuery& Null();
  // Any bytes; they must stay where they are while the query lives.
  SqliteQuery& Bytes(absl::string_view value);
  SqliteQuery& Text(absl::string_view value);

  // True if there is another row.
  absl::StatusOr<bool> Step();
  // Steps through all rows.
  absl::Status Run();

  // Of the row, by its columns from 0.
  int64_t IntAt(int column) const;
  bool IsNullAt(int column) const;
  std::string BytesAt(int column) const;

 private:
  friend class SqliteDatabase;
  SqliteQuery(const SqliteDatabase& database, sqlite3_stmt* statement, int code);
  SqliteQuery& Bound(int code);

  const SqliteDatabase& database_;
  sqlite3_stmt* const statement_;
  int code_;  // of the first error
  int parameters_ = 0;
};

// Not thread-safe. Errors: RESOURCE_EXHAUSTED when the disk is full and DATA_LOSS when the file is damaged;
// PERMISSION_DENIED and FAILED_PRECONDITION when it can't be opened, written or locked, until Serve(); INTERNAL for
// everything else.
class SqliteDatabase {
 public:
  // A file, which must be there, or ":memory:". Reads nothing of it yet. What lies in a write-ahead log stays there, so
  // that closing changes nothing, until Serve().
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // The file is good: from now on closing it folds its write-ahead log into it.
  void Serve();

  // Statements without parameters whose rows are of no interest.
  absl::Status Execute(const std::string& statements);
  // Prepares `statement` at its first use.
  SqliteQuery Query(absl::string_view statement);
  // The first column of a statement's first row; INTERNAL if there is none.
  absl::StatusOr<std::string> Value(absl::string_view statement);
  // Everything that `changes` does, or nothing if it fails or throws.
  absl::Status Transact(Durability durability, absl::FunctionRef<absl::Status()> changes);

  // Rows that the last INSERT, UPDATE or DELETE has changed, and the key of the last INSERT.
  int64_t changes() const { return sqlite3_changes64(database_); }
  int64_t last_key() const { return sqlite3_last_insert_rowid(database_); }
  const std::string& path() const { return path_; }

  absl::Status DataLoss(absl::string_view what) const;

 private:
  friend class SqliteQuery;
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}
  // Of what SQLite has answered just now, with errno cleared before.
  absl::Status Error(int code) const;
  absl::Status RunPrepared(absl::string_view statement);

  const std::string path_;
  sqlite3* database_ = nullptr;
  bool serving_ = false;
  Durability durability_ = Durability::kPowerCut;  // as SQLite has it at first
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

}  // namespace circuitd
