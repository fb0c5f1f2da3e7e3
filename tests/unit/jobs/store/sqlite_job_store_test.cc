// The suites for SQLite, and what its files have of their own.
#include "server/jobs/store/sqlite_job_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/jobs/store/job_store_suite.h"

namespace circuitd {
namespace {

const StoreMaker kInFile = {"SqliteFile",
                            [](const std::string& folder) { return OpenSqliteJobStore(folder + "/jobs.sqlite3"); }};
const StoreMaker kInMemory = {"SqliteMemory", [](const std::string&) { return OpenSqliteJobStore(":memory:"); }};

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreSuite, testing::Values(kInFile, kInMemory), JobStoreSuite::Name);
INSTANTIATE_TEST_SUITE_P(Stores, DurableJobStoreSuite, testing::Values(kInFile), JobStoreSuite::Name);

}  // namespace
}  // namespace circuitd
