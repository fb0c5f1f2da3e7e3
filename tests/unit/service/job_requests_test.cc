#include "server/service/job_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/status.h"
#include "server/service/convert_job.h"

namespace circuitd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

v1::SubmitJobRequest Good() {
  v1::SubmitJobRequest request;
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.set_model("demo");
  spec.mutable_prompts()->mutable_task()->set_task("numerals");
  spec.set_threshold(20);
  return request;
}

TEST(ValidateSubmitTest, AcceptsWhatIsFine) {
  v1::SubmitJobRequest request = Good();
  EXPECT_TRUE(ValidateSubmit(request, kNow).ok());
  v1::JobSpec& spec = *request.mutable_spec();
  spec.set_priority(-100);
  (*spec.mutable_labels())["run"] = std::string(63, 'x');
  *spec.mutable_deadline() = ToProto(kNow + absl::Seconds(1));
  spec.mutable_node_pruning()->set_threshold(100);
  spec.mutable_node_pruning()->set_max_iterations(1);
  spec.mutable_node_pruning()->mutable_prompts()->set_num_samples(4096);
  spec.mutable_node_pruning()->mutable_prompts()->mutable_task()->add_variants("lost");
  request.set_request_id(std::string(128, 'r'));
  EXPECT_TRUE(ValidateSubmit(request, kNow).ok()) << ValidateSubmit(request, kNow);
}

struct BadCase {
  const char* field;
  const char* says;
  std::function<void(v1::SubmitJobRequest&)> spoil;
};

class ValidateSubmitBadTest : public testing::TestWithParam<BadCase> {};

TEST_P(ValidateSubmitBadTest, NamesFieldAndBound) {
  v1::SubmitJobRequest request = Good();
  GetParam().spoil(request);
  const absl::Status status = ValidateSubmit(request, kNow);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(status), GetParam().field);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(GetParam().says));
}

v1::NodePruningSpec& Pruning(v1::SubmitJobRequest& request) { return *request.mutable_spec()->mutable_node_pruning(); }

INSTANTIATE_TEST_SUITE_P(
    AllFields, ValidateSubmitBadTest,
    testing::Values(
        BadCase{"spec", "bytes, must be at most 65536",
                [](auto& r) { Pruning(r).set_model(std::string(70'000, 'm')); }},
        BadCase{"spec.node_pruning.prompts.inline", "bytes, must be at most 262144; upload them as a dataset",
                [](auto& r) {
                  Pruning(r).mutable_prompts()->mutable_inline_()->add_clean()->set_text(std::string(300'000, 'x'));
                }},
        BadCase{"spec.kind", "must be set", [](auto& r) { r.mutable_spec()->clear_kind(); }},
        BadCase{"request_id", "129 bytes, must be at most 128",
                [](auto& r) { r.set_request_id(std::string(129, 'r')); }},
        BadCase{"spec.node_pruning.model", "must be set", [](auto& r) { Pruning(r).clear_model(); }},
        BadCase{"spec.node_pruning.threshold", "150, must be 0-100", [](auto& r) { Pruning(r).set_threshold(150); }},
        BadCase{"spec.node_pruning.threshold", "-1, must be 0-100", [](auto& r) { Pruning(r).set_threshold(-1); }},
        BadCase{"spec.node_pruning.threshold", "nan, must be 0-100", [](auto& r) { Pruning(r).set_threshold(NAN); }},
        BadCase{"spec.node_pruning.max_iterations", "0, must be 1-", [](auto& r) { Pruning(r).set_max_iterations(0); }},
        BadCase{"spec.node_pruning.means", "7", [](auto& r) { Pruning(r).set_means(static_cast<v1::MlpMeans>(7)); }},
        BadCase{"spec.node_pruning.prompts.source", "must be set", [](auto& r) { Pruning(r).clear_prompts(); }},
        BadCase{"spec.node_pruning.prompts.num_samples", "0, must be 1-4096",
                [](auto& r) { Pruning(r).mutable_prompts()->set_num_samples(0); }},
        BadCase{"spec.node_pruning.prompts.num_samples", "1000000000, must be 1-4096",
                [](auto& r) { Pruning(r).mutable_prompts()->set_num_samples(1'000'000'000); }},
        BadCase{"spec.node_pruning.prompts.pairs_dataset_sha256", "64 lower-case",
                [](auto& r) { Pruning(r).mutable_prompts()->set_pairs_dataset_sha256("../etc"); }},
        BadCase{"spec.node_pruning.prompts.published.clean_dataset_sha256s", "0 datasets",
                [](auto& r) { Pruning(r).mutable_prompts()->mutable_published(); }},
        BadCase{"spec.priority", "101, must be -100 to 100", [](auto& r) { r.mutable_spec()->set_priority(101); }},
        BadCase{"spec.deadline", "in the past", [](auto& r) { *r.mutable_spec()->mutable_deadline() = ToProto(kNow); }},
        BadCase{"spec.labels", "17 labels, must be at most 16",
                [](auto& r) {
                  for (int i = 0; i < 17; ++i) (*r.mutable_spec()->mutable_labels())[std::to_string(i)] = "";
                }},
        BadCase{"spec.labels[\"k\"]", "64 bytes, must be at most 63",
                [](auto& r) { (*r.mutable_spec()->mutable_labels())["k"] = std::string(64, 'x'); }},
        BadCase{"spec.labels", "a key has 64 bytes",
                [](auto& r) { (*r.mutable_spec()->mutable_labels())[std::string(64, 'x')] = ""; }}));

TEST(SpecFingerprintTest, DependsOnTheSpecAlone) {
  v1::JobSpec a = Good().spec();
  v1::JobSpec b = a;
  for (int i = 0; i < 10; ++i) (*a.mutable_labels())[std::to_string(i)] = "x";
  for (int i = 9; i >= 0; --i) (*b.mutable_labels())[std::to_string(i)] = "x";
  EXPECT_EQ(SpecFingerprint(a), SpecFingerprint(b));
  b.mutable_node_pruning()->set_threshold(21);
  EXPECT_NE(SpecFingerprint(a), SpecFingerprint(b));
}

}  // namespace
}  // namespace circuitd
