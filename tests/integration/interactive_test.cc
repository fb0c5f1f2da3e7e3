// Calls that must be answered at once and alike, whatever else the server does, and jobs that are submitted twice.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "circuitd/v1/job.grpc.pb.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr char kShort[] = "Van done in";
constexpr char kMiddle[] = "Van done in 1. Hat done in 2. Sun done in";
constexpr char kLong[] = "Van done in 1. Hat done in 2. Sun done in 3. Desk done in 4. Ring done in";

class InteractiveTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    std::vector<std::string> flags = ServerFlags();
    flags.insert(flags.end(), {"--model", "nano-sort=" + SharedFolder("models/nano-sort")});
    StartServer(flags);
  }

  static std::unique_ptr<v1::JobService::Stub> Jobs() {
    return v1::JobService::NewStub(grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  static void Submit(v1::JobService::Stub& jobs, const v1::SubmitJobRequest& request, const std::string& user,
                     v1::Job& job, grpc::StatusCode expected = grpc::StatusCode::OK) {
    grpc::ClientContext context;
    context.AddMetadata("circuitd-user", user);
    v1::SubmitJobResponse response;
    const grpc::Status status = jobs.SubmitJob(&context, request, &response);
    EXPECT_EQ(status.error_code(), expected) << status.error_message();
    job = response.job();
  }

  static json Forward(std::vector<std::string> prompts) {
    prompts.insert(prompts.begin(), {"forward", "--model", "demo", "--top-k", "1000"});
    return server_->RunJson(prompts)["prompts"];
  }
};

// By token, since near-equal logits may change places.
std::map<int, double> Logits(const json& prompt) {
  std::map<int, double> logits;
  for (const json& entry : prompt["top"]) logits[entry["token"]["id"]] = entry["logit"];
  return logits;
}

TEST_F(InteractiveTest, AnswersAPromptAloneAsAmongOthers) {
  const std::vector<std::string> prompts = {kLong, kShort, kMiddle, kShort};
  const json together = Forward(prompts);
  ASSERT_EQ(together.size(), prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto among_others = Logits(together[i]);
    size_t compared = 0;
    for (const auto& [token, logit] : Logits(Forward({prompts[i]})[0])) {
      const auto other = among_others.find(token);
      if (other == among_others.end()) continue;  // at the edge of the thousand most likely
      EXPECT_NEAR(logit, other->second, 1e-5) << "prompt " << i << ", token " << token;
      ++compared;
    }
    EXPECT_GE(compared, 990u);
  }
}

TEST_F(InteractiveTest, ShowsAllTokensOfASmallVocabulary) {
  const json answer = server_->RunJson({"forward", "--model", "nano-sort", "--ids", "2,0,1,0,1,2"});
  ASSERT_EQ(answer["prompts"][0]["top"].size(), 3u);
  // It sorts: the smallest digit comes first.
  EXPECT_EQ(answer["prompts"][0]["top"][0]["token"]["id"], 0);
}

TEST_F(InteractiveTest, AnswersTwoClientsWhileAJobRuns) {
  const std::string job = server_->StartLongJob();
  const std::vector<std::string> forward = {"forward", "--model", "demo", kMiddle, "--top-k", "1"};
  const auto first = server_->StartClient(forward);
  const auto second = server_->StartClient(forward);
  EXPECT_EQ(first->Wait(), 0) << first->err();
  EXPECT_EQ(second->Wait(), 0) << second->err();
  EXPECT_EQ(first->out(), second->out());
  const json running = server_->RunJson({"jobs", "--state", "running"})["jobs"];
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0]["name"], job);
  server_->Cancel(job);
}

TEST_F(InteractiveTest, PatchesTheSameAsTheCleanRunWhenTheSourceIsThePromptItself) {
  const json answer =
      server_->RunJson({"patch", "--model", "demo", kMiddle, "--ablate", "A1.*=resample", "--ablate", "M2=resample",
                        "--source-prompt", kMiddle, "--correct", " 3", "--incorrect", " 2"});
  EXPECT_EQ(answer["patchedMetric"]["mean"].get<double>(), answer["unpatchedMetric"]["mean"].get<double>());
  const json ablated = server_->RunJson({"patch", "--model", "demo", kMiddle, "--ablate", "A0.*=zero", "--ablate",
                                         "M0=zero", "--correct", " 3", "--incorrect", " 2"});
  EXPECT_GT(
      std::abs(ablated["patchedMetric"]["mean"].get<double>() - ablated["unpatchedMetric"]["mean"].get<double>()), 0.01);
}

TEST_F(InteractiveTest, FindsTheSameJobForTheSameRequestId) {
  const auto jobs = Jobs();
  v1::SubmitJobRequest request;
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.set_model("demo");
  spec.mutable_prompts()->mutable_task()->set_task("months");
  spec.mutable_prompts()->set_num_samples(1);
  spec.set_threshold(20);
  spec.set_max_iterations(1);
  request.set_request_id("once");
  v1::Job first, again, other_owner, other_id, refused;
  Submit(*jobs, request, "anna", first);
  Submit(*jobs, request, "anna", again);
  EXPECT_EQ(again.name(), first.name());
  Submit(*jobs, request, "bert", other_owner);
  EXPECT_NE(other_owner.name(), first.name());
  request.set_request_id("twice");
  Submit(*jobs, request, "anna", other_id);
  EXPECT_NE(other_id.name(), first.name());
  spec.set_threshold(30);
  Submit(*jobs, request, "anna", refused, grpc::StatusCode::ALREADY_EXISTS);
  for (const v1::Job& job : {first, other_owner, other_id}) EXPECT_EQ(server_->Run({"watch", job.name()}).exit_code, 0);
}

}  // namespace
}  // namespace circuitd
