#include "client/artifact_download.h"

#include <filesystem>
#include <vector>

#include "base/sha256.h"
#include "client/channel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;

const grpc::Status kBroken(grpc::StatusCode::UNAVAILABLE, "connection reset");

v1::DownloadArtifactResponse Data(const std::string& bytes) {
  v1::DownloadArtifactResponse response;
  response.set_data(bytes);
  return response;
}

class ArtifactDownloadTest : public testing::Test {
 protected:
  ArtifactDownloadTest() {
    artifact_.set_name("circuit.json");
    artifact_.set_size_bytes(6);
    artifact_.set_sha256(Sha256Hex("abcdef"));
  }
  v1::DownloadArtifactResponse Head() const {
    v1::DownloadArtifactResponse response;
    *response.mutable_artifact() = artifact_;
    return response;
  }
  absl::Status Download() {
    DownloadOptions options;
    options.back_off.first = absl::Milliseconds(1);
    const auto client = Client::Create(MakeChannel(server_.address()), {});
    return DownloadArtifactTo(**client, "jobs/7", artifact_, folder_.path(), options);
  }
  std::vector<uint64_t> Offsets() const {
    std::vector<uint64_t> offsets;
    for (const auto& request : server_.jobs.download.requests()) offsets.push_back(request.offset());
    return offsets;
  }

  TempFolder folder_;
  ScriptedServer server_;
  v1::Artifact artifact_;
};

TEST_F(ArtifactDownloadTest, WritesTheFile) {
  server_.jobs.download.Add({{Head(), Data("abc"), Data("def")}, {}});
  const absl::Status status = Download();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(folder_.Read("circuit.json"), "abcdef");
  EXPECT_FALSE(folder_.Has("circuit.json.part"));
  EXPECT_EQ(server_.jobs.download.requests()[0].name(), "jobs/7");
  EXPECT_EQ(server_.jobs.download.requests()[0].artifact(), "circuit.json");
}

TEST_F(ArtifactDownloadTest, WritesAnEmptyFile) {
  artifact_.set_size_bytes(0);
  artifact_.set_sha256(Sha256Hex(""));
  server_.jobs.download.Add({{Head()}, {}});
  ASSERT_TRUE(Download().ok());
  EXPECT_TRUE(folder_.Has("circuit.json"));
}

TEST_F(ArtifactDownloadTest, TakesABrokenStreamUpWhereItBroke) {
  server_.jobs.download.Add({{Head(), Data("ab")}, kBroken});
  server_.jobs.download.Add({{Head(), Data("cd")}, {}});  // ends early, without an error
  server_.jobs.download.Add({{Head(), Data("ef")}, {}});
  const absl::Status status = Download();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Offsets(), ElementsAre(0, 2, 4));
  EXPECT_EQ(folder_.Read("circuit.json"), "abcdef");
}

TEST_F(ArtifactDownloadTest, TakesUpWhatAnEarlierCallLeft) {
  folder_.Write("circuit.json.part", "abcd");
  server_.jobs.download.Add({{Head(), Data("ef")}, {}});
  ASSERT_TRUE(Download().ok());
  EXPECT_THAT(Offsets(), ElementsAre(4));
  EXPECT_EQ(folder_.Read("circuit.json"), "abcdef");
}

TEST_F(ArtifactDownloadTest, BeginsAgainWhenWhatWasLeftIsAnotherFiles) {
  folder_.Write("circuit.json.part", "xxxx");
  server_.jobs.download.Add({{Head(), Data("ef")}, {}});
  server_.jobs.download.Add({{Head(), Data("abcdef")}, {}});
  ASSERT_TRUE(Download().ok());
  EXPECT_THAT(Offsets(), ElementsAre(4, 0));
  EXPECT_EQ(folder_.Read("circuit.json"), "abcdef");
}

TEST_F(ArtifactDownloadTest, BeginsAgainWhenMoreWasLeftThanThereIs) {
  folder_.Write("circuit.json.part", "a longer file");
  server_.jobs.download.Add({{Head(), Data("abcdef")}, {}});
  ASSERT_TRUE(Download().ok());
  EXPECT_THAT(Offsets(), ElementsAre(0));
}

TEST_F(ArtifactDownloadTest, RefusesBytesWithAnotherSha256AndKeepsTheOldFile) {
  folder_.Write("circuit.json", "old");
  server_.jobs.download.Add({{Head(), Data("abcdeX")}, {}});
  EXPECT_EQ(Download().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(folder_.Read("circuit.json"), "old");
  EXPECT_FALSE(folder_.Has("circuit.json.part"));
}

TEST_F(ArtifactDownloadTest, RefusesMoreBytesThanTheArtifactHas) {
  server_.jobs.download.Add({{Head(), Data("abcdefg")}, {}});
  EXPECT_EQ(Download().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(folder_.Has("circuit.json"));
}

TEST_F(ArtifactDownloadTest, PassesOtherErrorsOn) {
  server_.jobs.download.Add({{}, grpc::Status(grpc::StatusCode::NOT_FOUND, "no such artifact")});
  EXPECT_EQ(Download().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(folder_.Has("circuit.json"));
}

TEST_F(ArtifactDownloadTest, DoesNotWriteThroughALink) {
  folder_.Write("precious", "keep");
  std::filesystem::create_symlink(folder_.File("precious"), folder_.File("circuit.json.part"));
  EXPECT_FALSE(Download().ok());
  EXPECT_EQ(folder_.Read("precious"), "keep");
}

TEST_F(ArtifactDownloadTest, RefusesNamesThatLeadElsewhere) {
  for (const char* name : {"", ".", "..", "../x", "/etc/x", "a/b", ".bashrc", "a\nb", "a\\b"}) {
    artifact_.set_name(name);
    EXPECT_EQ(Download().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace circuitd::client
