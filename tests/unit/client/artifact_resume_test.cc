// Downloads over connections that break again and again.
#include <algorithm>
#include <random>
#include <string>

#include "base/sha256.h"
#include "client/artifact_download.h"
#include "client/channel.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Serves `bytes` from the offset on in chunks of random sizes, and breaks off after a random number of bytes.
class CuttingServer {
 public:
  CuttingServer(std::mt19937& random, std::string bytes, size_t most) : bytes_(std::move(bytes)) {
    artifact_.set_name("circuit.json");
    artifact_.set_size_bytes(bytes_.size());
    artifact_.set_sha256(Sha256Hex(bytes_));
    server_.jobs.serve = [this, &random, most](const v1::DownloadArtifactRequest& request,
                                               grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) {
      ++calls_;
      v1::DownloadArtifactResponse message;
      *message.mutable_artifact() = artifact_;
      writer->Write(message);
      size_t left = random() % (most + 1);
      for (size_t at = request.offset(); at < bytes_.size();) {
        const size_t size = std::min({size_t{random() % 5000 + 1}, left, bytes_.size() - at});
        // A stream that just ends is as incomplete as one that breaks.
        if (size == 0) return random() % 2 ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
        message.set_data(bytes_.substr(at, size));
        writer->Write(message);
        at += size;
        left -= size;
      }
      return grpc::Status::OK;
    };
  }
  absl::Status Download(const std::string& folder) {
    DownloadOptions options;
    options.back_off.first = options.back_off.longest = absl::Milliseconds(1);
    const auto client = Client::Create(MakeChannel(server_.address()), {});
    return DownloadArtifactTo(**client, "jobs/7", artifact_, folder, options);
  }
  int calls() const { return calls_; }

 private:
  const std::string bytes_;
  v1::Artifact artifact_;
  int calls_ = 0;
  ScriptedServer server_;
};

TEST(ArtifactResumeTest, EndsWithTheSameBytesHoweverOftenTheStreamBreaks) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomBytes(random, 200'000 + random() % 1000);
    CuttingServer server(random, bytes, 20'000);
    const TempFolder folder;
    // What a command that was killed has left.
    folder.Write("circuit.json.part", bytes.substr(0, random() % bytes.size()));
    const absl::Status status = server.Download(folder.path());
    ASSERT_TRUE(status.ok()) << status << " with seed " << seed;
    EXPECT_TRUE(folder.Read("circuit.json") == bytes) << "seed " << seed;
    EXPECT_FALSE(folder.Has("circuit.json.part"));
    EXPECT_GT(server.calls(), 1) << "seed " << seed;
  }
}

TEST(ArtifactResumeTest, RefusesBytesThatAreNotTheArtifactsHoweverTheyCame) {
  std::mt19937 random(1);
  const std::string bytes = RandomBytes(random, 50'000);
  std::string other = bytes;
  other[20'000] ^= 1;
  CuttingServer server(random, bytes, 20'000);
  const TempFolder folder;
  folder.Write("circuit.json.part", other.substr(0, 30'000));
  // The part is found out at the end, and everything fetched anew.
  ASSERT_TRUE(server.Download(folder.path()).ok());
  EXPECT_TRUE(folder.Read("circuit.json") == bytes);
}

}  // namespace
}  // namespace circuitd::client
