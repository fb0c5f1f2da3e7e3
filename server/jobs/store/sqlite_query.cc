// SqliteQuery: parameters, steps and columns.
#include <cerrno>
#include <new>
#include <string>

#include "server/jobs/store/sqlite_database.h"

namespace circuitd {
namespace {
// SQLite takes a null pointer for NULL, which is no empty string.
const char* NotNull(absl::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }
}  // namespace

SqliteQuery::SqliteQuery(const SqliteDatabase& database, sqlite3_stmt* statement, int code)
    : database_(database), statement_(statement), code_(code) {}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);  // an error of its is one that Step has answered
  sqlite3_clear_bindings(statement_);
}

SqliteQuery& SqliteQuery::Bound(int code) {
  if (code_ == SQLITE_OK) code_ = code;
  return *this;
}

SqliteQuery& SqliteQuery::Int(int64_t value) {
  return code_ == SQLITE_OK ? Bound(sqlite3_bind_int64(statement_, ++parameters_, value)) : *this;
}

SqliteQuery& SqliteQuery::Null() {
  return code_ == SQLITE_OK ? Bound(sqlite3_bind_null(statement_, ++parameters_)) : *this;
}

SqliteQuery& SqliteQuery::Bytes(absl::string_view value) {
  if (code_ != SQLITE_OK) return *this;
  return Bound(sqlite3_bind_blob64(statement_, ++parameters_, NotNull(value), value.size(), SQLITE_STATIC));
}

SqliteQuery& SqliteQuery::Text(absl::string_view value) {
  if (code_ != SQLITE_OK) return *this;
  return Bound(
      sqlite3_bind_text64(statement_, ++parameters_, NotNull(value), value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

absl::StatusOr<bool> SqliteQuery::Step() {
  if (code_ != SQLITE_OK) return database_.Error(code_);
  errno = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW || code == SQLITE_DONE) return code == SQLITE_ROW;
  code_ = code;
  return database_.Error(code_);
}

absl::Status SqliteQuery::Run() {
  while (true) {
    const absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
  }
}

int64_t SqliteQuery::IntAt(int column) const { return sqlite3_column_int64(statement_, column); }

bool SqliteQuery::IsNullAt(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::string SqliteQuery::BytesAt(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  if (bytes == nullptr) {  // no bytes, or no memory for them
    if (sqlite3_errcode(database_.database_) == SQLITE_NOMEM) throw std::bad_alloc();
    return "";
  }
  return std::string(static_cast<const char*>(bytes), sqlite3_column_bytes(statement_, column));
}

}  // namespace circuitd
