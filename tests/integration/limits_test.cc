// A server with small limits says which of them a request is over.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

constexpr int kUsage = 2, kExhausted = 7;

class LimitsTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    std::vector<std::string> flags = ServerFlags();
    flags.insert(flags.end(), {"--max-message-bytes", "64KiB", "--max-dataset-bytes", "32KiB", "--max-reply-bytes",
                               "1MiB", "--max-prompts-per-request", "300", "--max-queued-jobs", "1"});
    StartServer(flags);
  }
};

TEST_F(LimitsTest, RefusesAMessageOverTheLimit) {
  ExpectRefused({"forward", "--model", "demo", std::string(70'000, 'x')}, kExhausted, {"RESOURCE_EXHAUSTED", "65536"});
}

TEST_F(LimitsTest, RefusesADatasetOverTheLimit) {
  std::string pairs;
  while (pairs.size() < 40'000) {
    absl::StrAppend(&pairs, R"({"clean":[1,2],"corrupted":[2,1],"correct":3,"incorrect":4})", "\n");
  }
  const std::string file = server_->client_folder().Write("large.jsonl", pairs);
  ExpectRefused({"prune", "--model", "demo", "--prompts", file}, kExhausted, {"max_dataset_bytes, 32768"});
  // A client sends it in chunks; one that is too long for a message is refused as such.
  const std::string larger = server_->client_folder().Write("larger.jsonl", pairs + pairs);
  ExpectRefused({"prune", "--model", "demo", "--prompts", larger}, kExhausted, {"RESOURCE_EXHAUSTED"});
}

TEST_F(LimitsTest, RefusesTooManyPrompts) {
  std::string lines;
  for (int i = 0; i < 301; ++i) lines += "Van\n";
  ExpectRefused({"forward", "--model", "demo", "--file", "-"}, kExhausted,
                {"prompts: 301 prompts, max_prompts_per_request is 300"}, lines);
}

TEST_F(LimitsTest, RefusesAReplyOverTheLimit) {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "Van\n";
  ExpectRefused(
      {"forward", "--model", "demo", "--file", "-", "--top-k", "1", "--full-logits", "all", "-o", "logits.safetensors"},
      kUsage, {"logits.full_logits: ", "max_reply_bytes is 1048576"}, lines);
  EXPECT_FALSE(server_->client_folder().Has("logits.safetensors"));
}

TEST_F(LimitsTest, RefusesAJobWhenTheQueueIsFull) {
  const std::string running = server_->StartLongJob();
  const Finished waiting = server_->Run(Submitted(LongJob({"--no-cache"})));
  ASSERT_EQ(waiting.exit_code, 0) << waiting.err;
  ExpectRefused(Submitted(LongJob({"--no-cache"})), kExhausted, {"RESOURCE_EXHAUSTED", "1"});
  EXPECT_EQ(server_->Run({"cancel", waiting.out.substr(0, waiting.out.find('\n'))}).exit_code, 0);
  server_->Cancel(running);
}

}  // namespace
}  // namespace circuitd
