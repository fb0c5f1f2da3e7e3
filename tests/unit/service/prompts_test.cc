// Prompts and answers of a request, tokenized for a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/service/convert_runs.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;

void AddToken(google::protobuf::RepeatedPtrField<v1::Prompt>& prompts, uint32_t id) {
  prompts.Add()->mutable_tokens()->add_ids(id);
}

TEST(ConvertPatchedRunTest, CountsEachTokenOfAnAnswerOnce) {
  v1::RunPatchedRequest proto;
  AddToken(*proto.mutable_prompts(), 1);
  v1::Answer& answer = *proto.add_answers();
  for (int i = 0; i < 50; ++i) AddToken(*answer.mutable_correct(), 9);
  for (const uint32_t id : {3, 2, 3}) AddToken(*answer.mutable_incorrect(), id);
  const auto model = testing::TinyModel();
  const auto request = ConvertPatchedRun(proto, *model, RunLimits(model->config(), 8, {}));
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->answers.size(), 1u);
  EXPECT_THAT(request->answers[0].correct, ElementsAre(9));
  EXPECT_THAT(request->answers[0].incorrect, ElementsAre(3, 2));
}

TEST(ConvertPatchedRunTest, AnswersChosenTokensAsOftenAsTheyAreAskedFor) {
  v1::RunPatchedRequest proto;
  AddToken(*proto.mutable_prompts(), 1);
  for (const uint32_t id : {4, 4}) AddToken(*proto.mutable_logits()->mutable_chosen_tokens(), id);
  const auto model = testing::TinyModel();
  const auto request = ConvertPatchedRun(proto, *model, RunLimits(model->config(), 8, {}));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->logits.chosen_tokens, ElementsAre(4, 4));
}

}  // namespace
}  // namespace circuitd
