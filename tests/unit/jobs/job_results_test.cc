// What jobs leave, for downloads and for jobs that equal them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/status.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(JobResultsTest, EqualJobHasTheResultAtOnce) {
  JobRig rig;
  const auto request = [](const char* owner, const char* key) {
    JobRequest request = RequestOf(CountingBody(3));
    request.owner = owner;
    request.result_key = key;
    request.micro_batch_prompts = 7;
    return request;
  };
  const std::string computed = rig.Submit(request("ann", "key")).id;
  rig.RunNext();
  const JobRecord copy = rig.Submit(request("bob", "key"));
  EXPECT_EQ(copy.state, JobState::kSucceeded);
  EXPECT_EQ(copy.same_as, computed);
  EXPECT_EQ(copy.owner, "bob");
  EXPECT_EQ(copy.result, "counted");
  EXPECT_EQ(copy.progress, "p2");
  EXPECT_EQ(copy.last_sequence, 5u);
  EXPECT_EQ(rig.ReadArtifact(copy.id, "count.txt"), "3");
  EXPECT_THAT(rig.Payloads(copy.id), ElementsAre("e0", "e1", "e2"));
  // A copy of a copy names the job that was computed; the files stay as long as one of them does.
  ASSERT_TRUE(rig.manager->Delete(computed).ok());
  EXPECT_EQ(rig.ReadArtifact(copy.id, "count.txt"), "3");
  EXPECT_EQ(rig.Submit(request("cyd", "key")).same_as, computed);

  EXPECT_EQ(rig.Submit(request("bob", "other")).state, JobState::kQueued);
  EXPECT_EQ(rig.Submit(request("bob", "")).state, JobState::kQueued);
  JobRequest anew = request("bob", "key");
  anew.use_result = false;
  EXPECT_EQ(rig.Submit(std::move(anew)).state, JobState::kQueued);
}

TEST(JobResultsTest, ResultWhoseFilesAreDamagedOrGoneIsComputedAgain) {
  JobRig rig;
  JobRequest request = RequestOf(CountingBody(1));
  request.result_key = "key";
  const JobRecord computed = rig.Submit(request);
  rig.RunNext();
  const std::string file = "artifacts/" + rig.Get(computed.id).artifacts[0].sha256;
  rig.folder.Write(file, "7");  // as long as it was
  EXPECT_EQ(rig.Submit(request).state, JobState::kQueued);
  std::filesystem::remove(rig.folder.File(file));
  EXPECT_TRUE(absl::IsDataLoss(rig.manager->GetArtifact(computed.id, "count.txt").status()));
  EXPECT_EQ(rig.Submit(request).state, JobState::kQueued);
}

TEST(JobResultsTest, ArtifactsAreNotFoundUntilTheJobHasSucceeded) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  EXPECT_THAT(std::string(rig.manager->GetArtifact(id, "a").status().message()), HasSubstr("queued"));
  rig.RunNext();
  const absl::Status status = rig.manager->GetArtifact(id, "a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FieldOf(status), "artifact");
}

}  // namespace
}  // namespace circuitd
