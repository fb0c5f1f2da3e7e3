#include <gmock/gmock.h>

#include <filesystem>
#include <functional>

#include "circuitd/v1/dataset.grpc.pb.h"
#include "circuitd/v1/inference.grpc.pb.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class InferenceRpcTest : public RpcTest {
 protected:
  grpc::Status Forward(const v1::ForwardRequest& request, std::vector<v1::ForwardResponse>* messages = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
    for (v1::ForwardResponse message; reader->Read(&message);) {
      if (messages != nullptr) messages->push_back(message);
    }
    return reader->Finish();
  }

  static v1::ForwardRequest NanoForward() {
    v1::ForwardRequest request;
    request.set_model("nano");
    *request.add_prompts() = Ids({2, 1, 0});
    *request.add_prompts() = Ids({0});
    return request;
  }
};

TEST_F(InferenceRpcTest, TokenizeTellsIdsAndBytes) {
  v1::TokenizeRequest request;
  request.set_model("seqcont");
  *request.add_prompts() = Text("Van done in 1.");
  *request.add_prompts() = Ids({5});
  v1::TokenizeResponse response;
  grpc::ClientContext context;
  const grpc::Status status = Stub<v1::InferenceService>()->Tokenize(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.prompts_size(), 2);
  std::string text;
  for (const v1::Token& token : response.prompts(0).tokens()) text += token.text();
  EXPECT_EQ(text, "Van done in 1.");
  EXPECT_EQ(response.prompts(1).tokens(0).id(), 5u);
}

TEST_F(InferenceRpcTest, ForwardAnswersSummaryThenTensors) {
  v1::ForwardRequest request = NanoForward();
  request.mutable_logits()->set_top_k(2);
  *request.mutable_logits()->add_chosen_tokens() = Ids({1});
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  std::vector<v1::ForwardResponse> messages;
  const grpc::Status status = Forward(request, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(messages.size(), 3u);
  const v1::ForwardSummary& summary = messages[0].summary();
  ASSERT_EQ(summary.prompts_size(), 2);
  EXPECT_EQ(summary.prompts(0).token_count(), 3u);
  ASSERT_EQ(summary.prompts(0).top_size(), 2);
  EXPECT_GE(summary.prompts(0).top(0).logit(), summary.prompts(0).top(1).logit());
  EXPECT_LE(summary.prompts(0).top(0).log_prob(), 0);
  EXPECT_EQ(summary.prompts(0).chosen(0).token().id(), 1u);
  EXPECT_GT(summary.compute_seconds(), 0);
  EXPECT_EQ(messages[1].chunk().name(), "logits/0");
  EXPECT_THAT(messages[1].chunk().shape(), testing::ElementsAre(3, 3));
  EXPECT_EQ(messages[1].chunk().data().size(), 3 * 3 * sizeof(float));
  EXPECT_EQ(messages[2].chunk().name(), "logits/1");
}

TEST_F(InferenceRpcTest, LargeTensorsComeInChunks) {
  v1::ForwardRequest request;
  request.set_model("seqcont");
  *request.add_prompts() = Ids(std::vector<uint32_t>(12, 7));
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  std::vector<v1::ForwardResponse> messages;
  ASSERT_TRUE(Forward(request, &messages).ok());
  uint64_t bytes = 0;
  for (size_t i = 1; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].chunk().offset(), bytes);
    EXPECT_LE(messages[i].chunk().data().size(), size_t{1} << 20);
    bytes += messages[i].chunk().data().size();
  }
  EXPECT_EQ(bytes, 12u * 50257 * sizeof(float));
}

TEST_F(InferenceRpcTest, BadForwardsAreNamed) {
  const auto field = [this](const std::function<void(v1::ForwardRequest&)>& spoil) {
    v1::ForwardRequest request = NanoForward();
    spoil(request);
    const grpc::Status status = Forward(request);
    EXPECT_FALSE(status.ok());
    return ViolatedField(status);
  };
  EXPECT_EQ(field([](auto& r) { r.clear_model(); }), "model");
  EXPECT_EQ(field([](auto& r) { r.set_model("gpt5"); }), "model");
  EXPECT_EQ(field([](auto& r) { r.clear_prompts(); }), "prompts");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts(1)->Clear(); }), "prompts[1]");
  EXPECT_THAT(field([](auto& r) { *r.mutable_prompts(1) = Ids({}); }), HasSubstr("prompts[1]"));
  EXPECT_THAT(field([](auto& r) { *r.mutable_prompts(1) = Ids(std::vector<uint32_t>(12, 0)); }),
              HasSubstr("prompts[1]"));
  EXPECT_EQ(field([](auto& r) { *r.mutable_prompts(1) = Ids({0, 3}); }), "prompts[1].tokens.ids[1]");
  EXPECT_EQ(field([](auto& r) { *r.mutable_prompts(1) = Ids({4'000'000'000u}); }), "prompts[1].tokens.ids[0]");
  EXPECT_EQ(field([](auto& r) { *r.mutable_prompts(1) = Text("hi"); }), "prompts[1].text");
  EXPECT_EQ(field([](auto& r) {
              r.set_model("seqcont");
              *r.mutable_prompts(1) = Text("a\xff");
            }),
            "prompts[1].text");
  EXPECT_EQ(field([](auto& r) {
              r.set_model("seqcont");
              r.mutable_logits()->set_top_k(1001);
            }),
            "logits.top_k");
  EXPECT_EQ(field([](auto& r) { *r.mutable_logits()->add_chosen_tokens() = Ids({1, 2}); }), "logits.chosen_tokens[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_logits()->set_full_logits(static_cast<v1::LogitsPositions>(9)); }),
            "logits.full_logits");
}

TEST_F(InferenceRpcTest, LimitsOfRequestAndReplyAreNamed) {
  ServerOptions options = TestOptions();
  options.max_prompts_per_request = 1;
  options.max_reply_bytes = 8;
  options.max_message_bytes = 100'000;
  Start(options);
  v1::ForwardRequest request = NanoForward();
  EXPECT_THAT(Forward(request).error_message(), HasSubstr("2 prompts, max_prompts_per_request is 1"));
  request.mutable_prompts()->RemoveLast();
  EXPECT_TRUE(Forward(request).ok());
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_LAST);
  EXPECT_THAT(Forward(request).error_message(), HasSubstr("12 bytes, max_reply_bytes is 8"));
  *request.add_prompts() = Text(std::string(200'000, 'x'));
  EXPECT_EQ(Forward(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(InferenceRpcTest, TextForAModelWithoutTokenizerSaysWhatToDo) {
  v1::ForwardRequest request = NanoForward();
  *request.mutable_prompts(0) = Text("hi");
  const grpc::Status status = Forward(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("send token ids"));
}

TEST_F(InferenceRpcTest, TokensThatOnlyTheTokenizerKnowsAreNamed) {
  // nano's network with GPT-2's tokenizer: most of its tokens are none of the model's.
  const std::string shared = CIRCUITD_SOURCE_DIR "/../shared/models";
  const std::string folder = testing::TempDir() + "two-halves";
  std::filesystem::create_directory(folder);
  for (const char* file : {"nano-sort/config.json", "nano-sort/model.safetensors", "gpt2-tokenizer/vocab.json",
                           "gpt2-tokenizer/merges.txt"}) {
    const std::filesystem::path from = shared + "/" + file;
    std::filesystem::copy_file(from, folder / from.filename(), std::filesystem::copy_options::overwrite_existing);
  }
  ServerOptions options = TestOptions();
  options.models.locations.folders["halves"] = folder;
  Start(options);
  v1::ForwardRequest request = NanoForward();
  request.set_model("halves");
  *request.mutable_logits()->add_chosen_tokens() = Text("!");
  EXPECT_TRUE(Forward(request).ok());
  *request.mutable_logits()->mutable_chosen_tokens(0) = Text("A");
  grpc::Status status = Forward(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ViolatedField(status), "logits.chosen_tokens[0].text");
  EXPECT_THAT(status.error_message(), HasSubstr("\"A\" is 32, d_vocab is 3 (0-2)"));
  *request.mutable_prompts(1) = Text("A");
  EXPECT_EQ(ViolatedField(Forward(request)), "prompts[1].text");
}

TEST_F(InferenceRpcTest, TextThatCannotFitIsRefusedUntokenized) {
  v1::ForwardRequest request;
  request.set_model("seqcont");
  // n_ctx is 64.
  *request.add_prompts() = Text(std::string(64 * 256 + 1, 'x'));
  grpc::Status status = Forward(request);
  EXPECT_EQ(ViolatedField(status), "prompts[0].text");
  EXPECT_THAT(status.error_message(), HasSubstr("16385 bytes, must be at most 16384"));
  std::string numbers;
  for (int i = 0; i < 65; ++i) numbers += " 1";
  *request.mutable_prompts(0) = Text(numbers);
  status = Forward(request);
  EXPECT_EQ(ViolatedField(status), "prompts[0]");
  EXPECT_THAT(status.error_message(), HasSubstr("65 tokens, n_ctx is 64"));
}

TEST_F(InferenceRpcTest, TokenizeBoundsItsReply) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 100'000;
  Start(options);
  const auto tokenize = [this](const std::vector<v1::Prompt>& prompts, v1::TokenizeResponse& response) {
    v1::TokenizeRequest request;
    request.set_model("seqcont");
    for (const v1::Prompt& prompt : prompts) *request.add_prompts() = prompt;
    grpc::ClientContext context;
    return Stub<v1::InferenceService>()->Tokenize(&context, request, &response);
  };
  v1::TokenizeResponse response;
  EXPECT_TRUE(tokenize({Text(std::string(5000, '!')), Text("a")}, response).ok());
  EXPECT_LE(response.ByteSizeLong(), 100'000u);
  EXPECT_EQ(ViolatedField(tokenize({Text(std::string(90'000, '!'))}, response)), "prompts[0].text");
  EXPECT_EQ(ViolatedField(tokenize({Text("a"), Ids(std::vector<uint32_t>(30'000, 5))}, response)), "prompts[1]");
  // Few of GPT-2's long tokens make a large reply too.
  EXPECT_EQ(ViolatedField(tokenize({Ids(std::vector<uint32_t>(3'000, 35496))}, response)), "prompts[0]");
}

TEST_F(InferenceRpcTest, ClientThatDoesNotReadIsCutOff) {
  ServerOptions options = TestOptions();
  options.stream_idle_timeout = absl::Milliseconds(200);
  Start(options);
  v1::ForwardRequest request;
  request.set_model("seqcont");
  for (int i = 0; i < 8; ++i) *request.add_prompts() = Ids(std::vector<uint32_t>(12, 7));
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
  v1::ForwardResponse message;
  ASSERT_TRUE(reader->Read(&message));
  // Uploads without data are cut off as well, one after another: each takes as long as the reply may stand still.
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext upload_context;
    v1::UploadDatasetResponse uploaded;
    const auto writer = Stub<v1::DatasetService>()->UploadDataset(&upload_context, &uploaded);
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // Who reads gets all of it.
  EXPECT_TRUE(Forward(request).ok());
}

TEST_F(InferenceRpcTest, RequestThatCannotBeParsedIsAnInvalidArgument) {
  v1::ForwardRequest request = NanoForward();
  request.set_model("\xff");
  const grpc::Status status = Forward(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("malformed"));
}

TEST_F(InferenceRpcTest, PassedDeadlineEndsTheCall) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  const auto reader = Stub<v1::InferenceService>()->Forward(&context, NanoForward());
  v1::ForwardResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Forward(NanoForward()).ok());
}

}  // namespace
}  // namespace circuitd
