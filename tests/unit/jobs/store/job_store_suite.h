// What every JobStore must do: instantiate JobStoreSuite for each, and DurableJobStoreSuite for each that outlives its
// object.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/jobs/store/job_store.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {

struct StoreMaker {
  std::string name;
  // Opens the store that lies in `folder`, or makes one there.
  std::function<absl::StatusOr<std::unique_ptr<JobStore>>(const std::string& folder)> open;
};

class JobStoreSuite : public testing::TestWithParam<StoreMaker> {
 public:
  static std::string Name(const testing::TestParamInfo<StoreMaker>& info) { return info.param.name; }

 protected:
  JobStoreSuite() { Reopen(); }

  void Reopen() {
    store_.reset();
    auto store = GetParam().open(folder_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // Steps in a job's life; each expects to succeed and answers the record as it is then.
  JobRecord Insert(JobRecord record, const std::string& input = "input");
  JobRecord Run(JobRecord record);
  JobRecord Log(JobRecord record, const std::string& payload);
  JobRecord End(JobRecord record, JobState state, int64_t second = 9);

  std::vector<std::string> List(const JobFilter& filter = {}) const;  // ids
  std::vector<std::string> Expired(absl::Time ended_before, int64_t max_bytes) const;
  // Everything that the store says of a job.
  std::string DescribeJob(const std::string& id) const;

  const TempFolder folder_;
  std::unique_ptr<JobStore> store_;
};

class DurableJobStoreSuite : public JobStoreSuite {};

}  // namespace circuitd
