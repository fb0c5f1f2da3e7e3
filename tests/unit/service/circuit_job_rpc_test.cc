// Jobs that find and judge circuits, from the submit to what they leave; all kinds alike.
#include <gmock/gmock.h>

#include <algorithm>

#include "nlohmann/json.hpp"
#include "server/graph/circuit_document.h"
#include "server/graph/head_details.h"
#include "tests/unit/service/circuit_job_rpc_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::StartsWith;

std::vector<std::string> NamesOf(const v1::Job& job) {
  std::vector<std::string> names;
  for (const v1::Artifact& artifact : job.artifacts()) names.push_back(artifact.name());
  return names;
}

// What a page shows: nothing if it is none.
nlohmann::json ReportDataOf(const std::string& page) {
  const std::string before = "<script type=\"application/json\" id=\"report-data\">";
  const size_t begin = page.find(before);
  EXPECT_NE(begin, std::string::npos);
  if (begin == std::string::npos) return {};
  const size_t data = begin + before.size();
  return nlohmann::json::parse(page.substr(data, page.find("</script>", data) - data));
}

struct Kind {
  const char* name;
  v1::JobSpec spec;
};

// For gtest's messages.
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class EveryKindRpcTest : public CircuitJobRpcTest, public testing::WithParamInterface<Kind> {
 protected:
  // Of all events: sequence numbers without gaps, what happened each once; how much that was.
  uint64_t ExpectWholeLog(const v1::Job& job) {
    uint64_t next = 1, happened = 0;
    for (const v1::WatchJobResponse& message : Watch(job.name())) {
      if (!message.has_event()) continue;
      const v1::JobEvent& event = message.event();
      EXPECT_EQ(event.sequence(), next++);
      EXPECT_EQ(event.decision().edge_decision().index(), event.has_decision() ? happened : 0);
      EXPECT_EQ(event.step().evaluation().index(), event.step().has_evaluation() ? happened : 0);
      EXPECT_EQ(event.step().attribution().sums(), "");
      happened += event.has_decision() || event.has_step();
    }
    EXPECT_EQ(next, job.last_sequence() + 1);
    EXPECT_GT(happened, 0u);
    return happened;
  }
  static void ExpectSameResult(const v1::Job& a, const v1::Job& b) {
    EXPECT_EQ(a.edge_circuit().edge_count(), b.edge_circuit().edge_count());
    EXPECT_EQ(a.edge_circuit().decision_count(), b.edge_circuit().decision_count());
    EXPECT_NEAR(a.edge_circuit().circuit_metric(), b.edge_circuit().circuit_metric(), 1e-5);
    ASSERT_EQ(a.evaluation().cells_size(), b.evaluation().cells_size());
    EXPECT_EQ(a.evaluation().run_count(), b.evaluation().run_count());
    for (int i = 0; i < a.evaluation().cells_size(); ++i) {
      EXPECT_NEAR(a.evaluation().cells(i).circuit_metric(), b.evaluation().cells(i).circuit_metric(), 1e-5);
      EXPECT_NEAR(a.evaluation().cells(i).random().mean(), b.evaluation().cells(i).random().mean(), 1e-5);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, EveryKindRpcTest,
                         testing::Values(Kind{"edge_pruning", NanoEdgePruning()}, Kind{"acdc", NanoAcdc()},
                                         Kind{"edge_attribution", NanoAttribution()},
                                         Kind{"evaluation", NanoEvaluation()}),
                         [](const auto& param) { return param.param.name; });

TEST_P(EveryKindRpcTest, RunsToItsResultAndIsWatched) {
  const v1::Job job = Finished(SubmitSpec(GetParam().spec));
  const uint64_t happened = ExpectWholeLog(job);
  EXPECT_EQ(job.progress().steps_left(), 0u);
  if (GetParam().spec.has_evaluation()) {
    EXPECT_EQ(job.evaluation().cells_size(), 1);
    EXPECT_EQ(job.evaluation().run_count(), happened);
    EXPECT_THAT(NamesOf(job), ElementsAre("evaluation.json", "circuit-0.json", "heads.json", "report.html"));
    const auto judged = ParseCircuit(Download(job, "circuit-0.json"), nullptr);
    ASSERT_TRUE(judged.ok()) << judged.status();
    EXPECT_EQ(judged->circuit.nodes.size(), 10u);
    return;
  }
  EXPECT_THAT(NamesOf(job),
              IsSupersetOf({"circuit.json", "circuit.dot", "circuit.svg", "circuit.graphml", "seqcont.json"}));
  const auto model = LoadDirectly("nano");
  const auto document = ParseCircuit(Download(job, "circuit.json"), &model->config());
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->circuit.edges->size(), static_cast<int64_t>(job.edge_circuit().edge_count()));
  EXPECT_EQ(document->circuit.nodes.size(), job.edge_circuit().node_count());
  EXPECT_THAT(document->parameters_json, HasSubstr("\"method\""));
}

TEST_P(EveryKindRpcTest, LeavesWhatHeadsDoOnItsPrompts) {
  const v1::Job job = Finished(SubmitSpec(GetParam().spec));
  const auto file = std::find_if(job.artifacts().begin(), job.artifacts().end(),
                                 [](const v1::Artifact& artifact) { return artifact.name() == "heads.json"; });
  ASSERT_NE(file, job.artifacts().end());
  EXPECT_EQ(file->media_type(), "application/json");
  const auto model = LoadDirectly("nano");
  const auto sets = ParseHeadDetails(Download(job, "heads.json"), model->config());
  ASSERT_TRUE(sets.ok()) << sets.status();
  ASSERT_EQ(sets->size(), 1u);
  EXPECT_EQ(sets->front().label, "prompts");
  EXPECT_EQ(sets->front().prompt_count, 1);  // the two have different lengths
  EXPECT_EQ(sets->front().heads.size(), 9u);
}

TEST_P(EveryKindRpcTest, LeavesAPageWithItsDataLast) {
  const v1::Job job = Finished(SubmitSpec(GetParam().spec));
  const v1::Artifact& file = job.artifacts(job.artifacts_size() - 1);
  EXPECT_EQ(file.name(), "report.html");
  EXPECT_EQ(file.media_type(), "text/html");
  const std::string page = Download(job, "report.html");
  EXPECT_THAT(page, StartsWith("<!doctype html>"));
  const nlohmann::json data = ReportDataOf(page);
  EXPECT_EQ(data["model"]["name"], "nano");
  ASSERT_EQ(data["circuits"].size(), 1u);
  const nlohmann::json& circuit = data["circuits"][0];
  if (job.has_evaluation()) {
    EXPECT_EQ(circuit["nodes"].size(), 10u);
    EXPECT_EQ(data["evaluation"]["cells"].size(), 1u);
    EXPECT_EQ(data["heads"][0]["heads"].size(), 9u);
    return;
  }
  EXPECT_TRUE(data["evaluation"].is_null());
  EXPECT_EQ(circuit["nodes"].size(), job.edge_circuit().node_count());
  EXPECT_EQ(circuit["edges"]["count"], job.edge_circuit().edge_count());
  EXPECT_EQ(circuit["heads"][0]["heads"].size(), 9u);
  if (job.edge_circuit().decision_count() > 0) {
    EXPECT_EQ(circuit["decisions"]["count"], job.edge_circuit().decision_count());
  } else {
    EXPECT_TRUE(circuit["decisions"].is_null());
  }
}

TEST_P(EveryKindRpcTest, GoesOnAfterARestartToTheSameResult) {
  const v1::JobSpec spec = OnSeqcont(GetParam().spec);
  const v1::Job whole = Finished(SubmitSpec(spec, /*no_cache=*/true));
  const v1::Job job = SubmitSpec(spec, /*no_cache=*/true);
  WaitForStep(job.name());
  Start(TestOptions());
  const v1::Job resumed = Finished(job);
  ExpectSameResult(resumed, whole);
  EXPECT_EQ(Download(resumed, "heads.json"), Download(whole, "heads.json"));
  EXPECT_EQ(ExpectWholeLog(resumed), ExpectWholeLog(whole));
  EXPECT_GT(resumed.last_sequence(), whole.last_sequence());  // it was queued and begun twice
  EXPECT_EQ(resumed.micro_batch_prompts(), whole.micro_batch_prompts());
  EXPECT_GT(resumed.micro_batch_prompts(), 0u);
}

TEST_P(EveryKindRpcTest, StopsWhenItIsCancelled) {
  const v1::Job job = SubmitSpec(OnSeqcont(GetParam().spec));
  WaitForStep(job.name());
  Cancel(job.name());
  const v1::Job ended = Watch(job.name()).back().job();
  EXPECT_EQ(ended.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(ended.result_case(), v1::Job::RESULT_NOT_SET);
}

TEST_P(EveryKindRpcTest, EqualJobHasItsResultAtOnce) {
  const v1::Job computed = Finished(SubmitSpec(GetParam().spec));
  v1::JobSpec spec = GetParam().spec;
  spec.set_priority(7);
  const v1::Job cached = Finished(SubmitSpec(spec));
  EXPECT_EQ(cached.cached_from(), computed.name());
  ExpectSameResult(cached, computed);
  EXPECT_EQ(ExpectWholeLog(cached), ExpectWholeLog(computed));
  EXPECT_EQ(NamesOf(cached), NamesOf(computed));
}

TEST_P(EveryKindRpcTest, ValidateOnlyTellsTheCost) {
  grpc::ClientContext context;
  v1::SubmitJobRequest request;
  *request.mutable_spec() = GetParam().spec;
  request.set_validate_only(true);
  v1::SubmitJobResponse response;
  const grpc::Status status = Stub<v1::JobService>()->SubmitJob(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.has_job());
  EXPECT_GT(response.estimate().candidates_per_iteration(), 0u);
  EXPECT_EQ(response.estimate().prompt_count(), 2u);
  EXPECT_GT(response.estimate().memory_bytes(), 0u);
  EXPECT_GT(response.estimate().seconds_per_iteration(), 0);
}

}  // namespace
}  // namespace circuitd
