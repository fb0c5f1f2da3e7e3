// Files of ended jobs that are damaged or gone.
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"
#include "tests/integration/job_output.h"
#include "tests/integration/model_folder.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class DamagedArtifactTest : public SharedServerTest {
 protected:
  static std::vector<std::string> JobOf(int samples) {
    return {"prune", "--model", "demo", "--task", "numerals", "--one-iter", "-n", absl::StrCat(samples)};
  }

  static std::string Succeeded(const std::vector<std::string>& job) {
    const std::string name = server_->Submit(job);
    const Finished watched = server_->Run({"watch", name});
    EXPECT_EQ(watched.exit_code, 0) << watched.err;
    return name;
  }

  // Where the server has a file of the job.
  static std::string PathOf(const std::string& job, const std::string& file) {
    const nlohmann::json document = server_->Job(job);
    for (const nlohmann::json& artifact : document["artifacts"]) {
      if (artifact["name"] == file) {
        return server_->data_folder().File(absl::StrCat("artifacts/", artifact["sha256"].get<std::string>()));
      }
    }
    ADD_FAILURE() << job << " has no " << file;
    return "";
  }

  // `damage` is done to a file of a job of so many samples.
  static void ExpectLost(int samples, const std::function<void(const std::string& path)>& damage) {
    const std::string job = Succeeded(JobOf(samples));
    const std::string other = Succeeded(JobOf(samples + 1));
    const std::string path = PathOf(job, "decisions.jsonl");
    const std::string intact = FileBytes(path);
    ASSERT_FALSE(intact.empty()) << path;
    damage(path);

    ExpectRefused({"fetch", job, "-o", absl::StrCat("lost-", samples)}, 1, {"DATA_LOSS", "decisions.jsonl"});
    EXPECT_FALSE(server_->client_folder().Has(absl::StrCat("lost-", samples, "/decisions.jsonl")));
    EXPECT_EQ(server_->Run({"fetch", other, "-o", absl::StrCat("other-", samples)}).exit_code, 0);

    const std::string again = Succeeded(JobOf(samples));
    EXPECT_EQ(server_->Job(again)["cachedFrom"], "");
    const std::string folder = absl::StrCat("again-", samples);
    const Finished fetched = server_->Run({"fetch", again, "-o", folder});
    EXPECT_EQ(fetched.exit_code, 0) << fetched.err;
    EXPECT_EQ(server_->client_folder().Read(folder + "/decisions.jsonl"), intact);
    // The new job's file is one that others are answered with.
    const std::string equal = Succeeded(JobOf(samples));
    EXPECT_EQ(server_->Job(equal)["cachedFrom"], again);
  }
};

TEST_F(DamagedArtifactTest, IsDataLossWhenItIsGone) {
  ExpectLost(1, [](const std::string& path) { EXPECT_TRUE(std::filesystem::remove(path)); });
}

TEST_F(DamagedArtifactTest, IsDataLossWhenItIsCutShort) {
  ExpectLost(3, [](const std::string& path) { std::filesystem::resize_file(path, 10); });
}

}  // namespace
}  // namespace circuitd
