// Opening the SQLite file that jobs are kept in: its tables, its version, and whether it is whole.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/store/sqlite_database.h"

namespace circuitd {

// Opens or makes the file `path` (or ":memory:"), for this process alone, and reads all of it. A file that is refused
// is left as it was, byte for byte. DATA_LOSS when it is damaged; FAILED_PRECONDITION when a newer circuitd has made
// it, when another process has it open, or when something else lies there; PERMISSION_DENIED; RESOURCE_EXHAUSTED when
// the disk is full.
absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenJobDatabase(const std::string& path);

}  // namespace circuitd
