#include "server/service/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "server/service/convert_graph.h"
#include "server/service/convert_job.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

TEST(ConvertTest, NodesAndDecisionsCarryEverything) {
  PruningDecision decision;
  decision.index = 7;
  decision.node = Node::Head(2, 5);
  decision.score = 81.25;
  decision.removed = true;
  decision.iteration = 1;
  decision.direction = SweepDirection::kForward;
  decision.heads_kept = 3;
  decision.mlps_kept = 4;
  const v1::PruningDecision proto = ToProto(decision);
  EXPECT_EQ(proto.ShortDebugString(),
            "index: 7 node { kind: NODE_KIND_ATTENTION_HEAD layer: 2 head: 5 } score: 81.25 removed: true iteration: 1 "
            "direction: SWEEP_DIRECTION_FORWARD heads_kept: 3 mlps_kept: 4");
  EXPECT_EQ(ToProto(Node::Mlp(9)).ShortDebugString(), "kind: NODE_KIND_MLP layer: 9");
}

TEST(ConvertTest, JobRecordBecomesJob) {
  v1::JobSpec spec;
  spec.mutable_node_pruning()->set_model("gpt2");
  JobView view;
  view.record.id = "abcdefghijkl";
  view.record.spec = spec.SerializeAsString();
  view.record.created = absl::FromUnixSeconds(100) + absl::Milliseconds(250);
  view.record.last_sequence = 1;
  view.queue_position = 3;
  v1::Job job = ToProto(view);
  EXPECT_EQ(job.name(), "jobs/abcdefghijkl");
  EXPECT_EQ(job.spec().node_pruning().model(), "gpt2");
  EXPECT_EQ(job.state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(job.queue_position(), 3u);
  EXPECT_EQ(job.create_time().seconds(), 100);
  EXPECT_EQ(job.create_time().nanos(), 250'000'000);
  EXPECT_FALSE(job.has_start_time());
  EXPECT_FALSE(job.has_error());

  view.record.state = JobState::kFailed;
  view.record.error = absl::DataLossError("bad \xff byte");
  job = ToProto(view);
  EXPECT_EQ(job.error().code(), 15);
  EXPECT_EQ(job.error().message(), "bad \xEF\xBF\xBD byte");
  EXPECT_EQ(job.queue_position(), 0u);
}

TEST(ConvertTest, UnspecifiedAndUnknownEnumValuesAreNamed) {
  EXPECT_EQ(FromProto(v1::ABLATION_UNSPECIFIED, "interventions[2].ablation").status(),
            InvalidField("interventions[2].ablation", "must be set"));
  EXPECT_THAT(std::string(FromProto(static_cast<v1::Metric>(99), "metric").status().message()),
              HasSubstr("metric: 99"));
  EXPECT_EQ(*FromProto(v1::METRIC_UNSPECIFIED, "metric"), std::nullopt);
  EXPECT_EQ(*FromProto(v1::MLP_MEANS_UNSPECIFIED, "means"), MlpMeans::kSeqcont);
  EXPECT_FALSE(FromProto(v1::DATA_TYPE_INT64, "data_type").ok());
}

TEST(ConvertTest, TimesGoBothWaysAndBadOnesAreRefused) {
  const absl::Time time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  EXPECT_EQ(*FromProto(ToProto(time), "spec.deadline"), time);
  google::protobuf::Timestamp bad;
  bad.set_nanos(-1);
  EXPECT_EQ(FieldOf(FromProto(bad, "spec.deadline").status()), "spec.deadline");
  bad.set_nanos(0);
  bad.set_seconds(INT64_MAX);
  EXPECT_FALSE(FromProto(bad, "spec.deadline").ok());
  EXPECT_EQ(ToProto(absl::Milliseconds(1500)).ShortDebugString(), "seconds: 1 nanos: 500000000");
}

TEST(ConvertTest, JobNamesAreParsedStrictly) {
  EXPECT_EQ(*JobIdFromName("jobs/abcdefghijkl"), "abcdefghijkl");
  for (const char* name : {"", "jobs/", "abcdefghijkl", "jobs/abc", "jobs/../../../../x", "jobs/abcdefghijklm"}) {
    EXPECT_EQ(FieldOf(JobIdFromName(name).status()), "name") << name;
  }
}

}  // namespace
}  // namespace circuitd
