// TaskService: the list of tasks, and prompts from every source.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "circuitd/v1/dataset.grpc.pb.h"
#include "circuitd/v1/task.grpc.pb.h"
#include "server/model/forward.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/published_filter.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAreArray;

std::vector<int> IdsOf(const google::protobuf::RepeatedPtrField<v1::Token>& tokens) {
  std::vector<int> ids;
  for (const v1::Token& token : tokens) ids.push_back(static_cast<int>(token.id()));
  return ids;
}

class TaskRpcTest : public RpcTest {
 protected:
  static v1::GeneratePromptsRequest Request(const std::string& model, const v1::PromptSource& source) {
    v1::GeneratePromptsRequest request;
    request.set_model(model);
    *request.mutable_prompts() = source;
    return request;
  }

  grpc::Status Generate(const v1::GeneratePromptsRequest& request, v1::GeneratePromptsSummary* summary = nullptr,
                        std::vector<v1::PromptPair>* pairs = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::TaskService>()->GeneratePrompts(&context, request);
    const auto messages = ReadAll<v1::GeneratePromptsResponse>(*reader);
    for (size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(messages[i].has_summary(), i == 0);
      EXPECT_LE(messages[i].pairs().pairs_size(), 64);
      EXPECT_LT(messages[i].ByteSizeLong(), size_t{1} << 20);
      if (pairs == nullptr) continue;
      pairs->insert(pairs->end(), messages[i].pairs().pairs().begin(), messages[i].pairs().pairs().end());
    }
    if (summary != nullptr && !messages.empty()) *summary = messages[0].summary();
    return reader->Finish();
  }
};

TEST_F(TaskRpcTest, ListsEveryTask) {
  grpc::ClientContext context;
  v1::ListTasksResponse response;
  ASSERT_TRUE(Stub<v1::TaskService>()->ListTasks(&context, {}, &response).ok());
  ASSERT_EQ(static_cast<size_t>(response.tasks_size()), AllTasks().size());
  for (int i = 0; i < response.tasks_size(); ++i) {
    const TaskDescription& task = AllTasks()[i];
    EXPECT_EQ(response.tasks(i).name(), task.name);
    EXPECT_EQ(response.tasks(i).description(), task.description);
    EXPECT_THAT(response.tasks(i).variants(), ElementsAreArray(task.variants));
    EXPECT_THAT(response.tasks(i).roles(), ElementsAreArray(task.roles));
  }
}

TEST_F(TaskRpcTest, GeneratesPromptsOfEveryTask) {
  const auto model = LoadDirectly("seqcont");
  const ModelVocabulary vocabulary{model->tokenizer(), &model->config()};
  for (const TaskDescription& task : AllTasks()) {
    PromptSetOptions options;
    options.num_samples = 2;
    const auto expected = GeneratePrompts(vocabulary, task.name, {}, 7, options);
    v1::PromptSource source;
    source.mutable_task()->set_task(task.name);
    source.mutable_task()->set_seed(7);
    source.set_num_samples(2);
    v1::GeneratePromptsSummary summary;
    std::vector<v1::PromptPair> pairs;
    const grpc::Status status = Generate(Request("seqcont", source), &summary, &pairs);
    // n_ctx is 64: too little for some.
    ASSERT_EQ(status.ok(), expected.ok()) << task.name << ": " << status.error_message() << expected.status();
    if (!expected.ok()) continue;
    ASSERT_EQ(pairs.size(), expected->size()) << task.name;
    EXPECT_EQ(summary.generated(), pairs.size());
    EXPECT_EQ(summary.kept(), pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
      EXPECT_EQ(IdsOf(pairs[i].clean()), (*expected)[i].clean);
      EXPECT_EQ(IdsOf(pairs[i].corrupted()), (*expected)[i].corrupted);
      EXPECT_EQ(IdsOf(pairs[i].correct()), (*expected)[i].correct);
      EXPECT_EQ(IdsOf(pairs[i].incorrect()), (*expected)[i].incorrect);
      ASSERT_EQ(pairs[i].roles().size(), (*expected)[i].roles.size());
      for (const auto& [name, position] : (*expected)[i].roles) {
        EXPECT_EQ(pairs[i].roles().at(name), static_cast<uint32_t>(position));
      }
    }
  }
}

TEST_F(TaskRpcTest, ManyPairsComeInSeveralMessages) {
  v1::GeneratePromptsSummary summary;
  std::vector<v1::PromptPair> pairs;
  ASSERT_TRUE(Generate(Request("seqcont", NumeralsSource(100)), &summary, &pairs).ok());
  EXPECT_EQ(summary.generated(), 300u);
  EXPECT_EQ(pairs.size(), 300u);
}

TEST_F(TaskRpcTest, FilterKeepsWhatTheModelContinuesWell) {
  v1::GeneratePromptsRequest request = Request("seqcont", NumeralsSource(16));
  std::vector<v1::PromptPair> all, kept;
  ASSERT_TRUE(Generate(request, nullptr, &all).ok());
  request.set_filter(true);
  v1::GeneratePromptsSummary summary;
  const grpc::Status status = Generate(request, &summary, &kept);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(summary.generated(), 48u);
  EXPECT_EQ(summary.kept(), kept.size());

  const auto model = LoadDirectly("seqcont");
  size_t expected = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].correct_probability(), 0);
    const std::vector<int> correct = IdsOf(all[i].correct()), incorrect = IdsOf(all[i].incorrect());
    ForwardRequest one;
    one.prompts = {IdsOf(all[i].clean())};
    one.logits.top_k = 1;
    one.logits.chosen_tokens = correct;
    one.logits.chosen_tokens.insert(one.logits.chosen_tokens.end(), incorrect.begin(), incorrect.end());
    const auto result = RunForward(*model, one, ForwardOptions{}, TensorSink());
    ASSERT_TRUE(result.ok()) << result.status();
    double p_correct = 0, p_incorrect = 0;
    const auto& chosen = result->prompts[0].chosen;
    for (size_t k = 0; k < chosen.size(); ++k) {
      (k < correct.size() ? p_correct : p_incorrect) += std::exp(chosen[k].log_prob);
    }
    if (!PassesPublishedFilter(result->prompts[0].top[0].token, p_correct, p_incorrect, correct)) continue;
    ASSERT_LT(expected, kept.size());
    EXPECT_EQ(IdsOf(kept[expected].clean()), one.prompts[0]);
    EXPECT_NEAR(kept[expected].correct_probability(), p_correct, 1e-5);
    EXPECT_NEAR(kept[expected].incorrect_probability(), p_incorrect, 1e-5);
    ++expected;
  }
  EXPECT_EQ(kept.size(), expected);
  EXPECT_GT(expected, 0u);
}

TEST_F(TaskRpcTest, InlinePromptsComeBackAsTokens) {
  v1::PromptSource source;
  *source.mutable_inline_()->add_clean() = Text("Van done in 1.");
  (*source.mutable_inline_()->mutable_clean(0)->mutable_roles())["first"] = 0;
  std::vector<v1::PromptPair> pairs;
  const grpc::Status status = Generate(Request("seqcont", source), nullptr, &pairs);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].clean(0).text(), "Van");
  EXPECT_EQ(pairs[0].roles().at("first"), 0u);
  EXPECT_EQ(pairs[0].corrupted_size(), 0);
  EXPECT_EQ(pairs[0].correct_size(), 0);
}

TEST_F(TaskRpcTest, UploadedPairsComeBackAsTokens) {
  grpc::ClientContext context;
  v1::UploadDatasetResponse uploaded;
  const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &uploaded);
  v1::UploadDatasetRequest header, data;
  header.mutable_header()->set_format(v1::DATASET_FORMAT_PAIRS);
  for (int i = 0; i < 3; ++i) {
    *data.mutable_data() += R"({"clean": [1, 2], "corrupted": [0, 2], "correct": 1, "incorrect": 0})"
                            "\n";
  }
  writer->Write(header);
  writer->Write(data);
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  v1::PromptSource source;
  source.set_pairs_dataset_sha256(uploaded.dataset().sha256());
  std::vector<v1::PromptPair> pairs;
  const grpc::Status status = Generate(Request("nano", source), nullptr, &pairs);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(IdsOf(pairs[2].corrupted()), std::vector<int>({0, 2}));
  source.set_pairs_dataset_sha256(std::string(64, 'a'));
  EXPECT_EQ(Generate(Request("nano", source)).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(TaskRpcTest, BadRequestsAreNamed) {
  const auto field = [this](const v1::PromptSource& source, bool filter = false) {
    v1::GeneratePromptsRequest request = Request("nano", source);
    request.set_filter(filter);
    const grpc::Status status = Generate(request);
    EXPECT_FALSE(status.ok());
    return ViolatedField(status);
  };
  EXPECT_EQ(field({}), "prompts.source");
  EXPECT_EQ(field(NumeralsSource(1)), "prompts.task.task");
  v1::PromptSource source = NanoSource();
  source.set_multi_token_answers(static_cast<v1::MultiTokenAnswers>(9));
  EXPECT_EQ(field(source), "prompts.multi_token_answers");
  source = NanoSource();
  source.mutable_inline_()->clear_answers();
  EXPECT_EQ(field(source, true), "prompts.inline.answers");
  (*source.mutable_inline_()->mutable_clean(0)->mutable_roles())["x"] = 4'000'000'000u;
  EXPECT_EQ(field(source), "prompts.inline.clean[0].roles[\"x\"]");
  *source.mutable_inline_()->mutable_clean(0) = Text("hi");
  EXPECT_EQ(field(source), "prompts.inline.clean[0].text");
  source = NanoSource();
  *source.mutable_inline_()->mutable_answers(1)->add_correct() = Ids({0, 1});
  EXPECT_EQ(field(source), "prompts.inline.answers[1].correct[1]");
  source.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  EXPECT_TRUE(Generate(Request("nano", source)).ok());
  EXPECT_EQ(ViolatedField(Generate(Request("", source))), "model");
}

}  // namespace
}  // namespace circuitd
