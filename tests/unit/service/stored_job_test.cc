// What an earlier version has stored is a job for this one.
#include "server/service/stored_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;

// Fields as protobuf writes them, without its generated code: numbers and lengths below 16 and 128.
std::string Bytes(int number, const std::string& bytes) {
  EXPECT_LT(bytes.size(), 128u);
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

std::string Number(int number, char value) { return {static_cast<char>(number << 3), value}; }

std::string Double(int number, double value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return static_cast<char>(number << 3 | 1) + bytes;
}

// Prompt.tokens.ids.
std::string Tokens(const std::string& ids) { return Bytes(2, Bytes(1, ids)); }

// A NodePruningInput, which node pruning's jobs were stored as before there were others.
std::string NodePruningInput() {
  const std::string answer = Bytes(1, Tokens("\x04")) + Bytes(2, Tokens("\x05"));
  const std::string prompts = Bytes(1, Tokens("\x01\x02\x03")) + Bytes(2, Tokens("\x03\x02\x01")) + Bytes(3, answer);
  const std::string spec =
      Bytes(1, "tiny") + Bytes(2, Bytes(6, prompts)) + Number(3, 2) + Double(4, 12.5) + Number(5, 3);
  return Bytes(1, spec) + Bytes(2, "0123abcd") + Number(3, 1) + Number(4, 7);
}

TEST(StoredJobTest, NodePruningOfAnEarlierVersionGoesOn) {
  storage::v1::JobInput input;
  ASSERT_TRUE(input.ParseFromString(NodePruningInput()));
  EXPECT_EQ(input.data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(input.circuits_size(), 0);
  v1::JobSpec submitted;
  submitted.mutable_node_pruning()->mutable_prompts()->mutable_task()->set_task("numerals");
  const std::shared_ptr<const Model> model = testing::TinyModel();
  const auto plan = RestoreJob(input, submitted, model, "0123abcd", /*memory_budget_bytes=*/1 << 20);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const JobMaterial& material = (*plan)->material();
  const v1::NodePruningSpec& spec = material.spec.node_pruning();
  EXPECT_EQ(spec.model(), "tiny");
  EXPECT_EQ(spec.means(), v1::MLP_MEANS_CLEAN);
  EXPECT_EQ(spec.threshold(), 12.5);
  EXPECT_EQ(spec.max_iterations(), 3u);
  EXPECT_EQ(material.micro_batch_prompts, 7);
  ASSERT_EQ(material.prompts.size(), 1u);
  ASSERT_EQ(material.prompts[0].pairs.size(), 1u);
  const PromptPair& pair = material.prompts[0].pairs[0];
  EXPECT_THAT(pair.clean, ElementsAre(1, 2, 3));
  EXPECT_THAT(pair.corrupted, ElementsAre(3, 2, 1));
  EXPECT_THAT(pair.correct, ElementsAre(4));
  EXPECT_THAT(pair.incorrect, ElementsAre(5));
}

TEST(StoredJobTest, OtherKindsAndCircuitsHaveNumbersOfTheirOwn) {
  const std::string model = Bytes(1, "tiny");
  storage::v1::JobInput input;
  ASSERT_TRUE(input.ParseFromString(Bytes(5, model) + Bytes(9, "{}")));
  EXPECT_EQ(input.edge_pruning().model(), "tiny");
  EXPECT_THAT(input.circuits(), ElementsAre("{}"));
  ASSERT_TRUE(input.ParseFromString(Bytes(6, model)));
  EXPECT_EQ(input.acdc().model(), "tiny");
  ASSERT_TRUE(input.ParseFromString(Bytes(7, model)));
  EXPECT_EQ(input.edge_attribution().model(), "tiny");
  ASSERT_TRUE(input.ParseFromString(Bytes(8, model)));
  EXPECT_EQ(input.evaluation().model(), "tiny");
}

TEST(StoredJobTest, AnotherModelIsNotTheJobs) {
  storage::v1::JobInput input;
  ASSERT_TRUE(input.ParseFromString(NodePruningInput()));
  v1::JobSpec submitted;
  submitted.mutable_node_pruning()->mutable_prompts()->mutable_task()->set_task("numerals");
  const std::shared_ptr<const Model> model = testing::TinyModel();
  const auto plan = RestoreJob(input, submitted, model, "4567cdef", /*memory_budget_bytes=*/1 << 20);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition) << plan.status();
}

}  // namespace
}  // namespace circuitd
