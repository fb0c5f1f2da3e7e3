// A request's prompt source: what is refused before anything is looked up, and how stored files become pairs.
#include "server/service/prompt_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr PairNeeds kCleanOnly{false, false, false};

v1::PromptSource Published(int clean_files) {
  v1::PromptSource source;
  for (int i = 0; i < clean_files; ++i) {
    source.mutable_published()->add_clean_dataset_sha256s(absl::StrCat(std::string(62, 'a'), 10 + i));
  }
  source.mutable_published()->set_corrupted_dataset_sha256(std::string(64, 'b'));
  return source;
}

void ExpectRefusal(const absl::Status& status, const std::string& field, const std::string& message,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(FieldOf(status), field);
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(ValidatePromptSourceTest, BoundsTheFilesOfCleanPrompts) {
  EXPECT_TRUE(ValidatePromptSource(Published(16)).ok());
  ExpectRefusal(ValidatePromptSource(Published(17)), "published.clean_dataset_sha256s", "17 datasets, must be 1-16");
  ExpectRefusal(ValidatePromptSource(Published(0)), "published.clean_dataset_sha256s", "0 datasets, must be 1-16");
}

TEST(ValidatePromptSourceTest, RejectsAFileThatIsThereTwice) {
  v1::PromptSource source = Published(3);
  source.mutable_published()->set_clean_dataset_sha256s(2, source.published().clean_dataset_sha256s(0));
  ExpectRefusal(ValidatePromptSource(source), "published.clean_dataset_sha256s[2]", "is there more than once");
}

TEST(ValidatePromptSourceTest, NumSamplesDoesNotWrap) {
  v1::PromptSource source = Published(1);
  for (const uint32_t count : {0u, 4097u, 0x8000'0000u, 0x8000'0001u, 0xFFFF'FFFFu}) {
    source.set_num_samples(count);
    ExpectRefusal(ValidatePromptSource(source), "num_samples", absl::StrCat(count, ", must be 1-4096"));
  }
}

TEST(MakePromptPairsTest, PairsStoredFiles) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto store = [&](const std::string& jsonl) {
    const auto upload = datasets.BeginUpload(FileFormat::kPairs);
    EXPECT_TRUE(upload->Append(jsonl).ok());
    return (*upload->Finish(""))->sha256;
  };
  v1::PromptSource source;
  source.set_pairs_dataset_sha256(
      store(R"({"clean": [1, 2], "corrupted": [3, 2], "correct": [9, 4, 9], "incorrect": 5})"));
  const auto model = testing::TinyModel();
  const auto pairs = MakePromptPairs(datasets, source, *model, kCleanOnly, {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 1u);
  EXPECT_THAT((*pairs)[0].clean, ElementsAre(1, 2));
  EXPECT_THAT((*pairs)[0].correct, ElementsAre(9, 4));
}

TEST(MakePromptPairsTest, FindsEveryPublishedFileByField) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto upload = datasets.BeginUpload(FileFormat::kPublished);
  ASSERT_TRUE(upload->Append(R"({"text": "a", "corr": "b", "incorr": "c"})").ok());
  const std::string sha256 = (*upload->Finish(""))->sha256;
  const auto model = testing::TinyModel();
  v1::PromptSource source = Published(2);
  source.mutable_published()->set_clean_dataset_sha256s(0, sha256);
  const auto no_clean = MakePromptPairs(datasets, source, *model, kCleanOnly, {});
  EXPECT_EQ(no_clean.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FieldOf(no_clean.status()), "prompts.published.clean_dataset_sha256s[1]");
  source.mutable_published()->mutable_clean_dataset_sha256s()->RemoveLast();
  const auto no_corrupted = MakePromptPairs(datasets, source, *model, kCleanOnly, {});
  EXPECT_EQ(FieldOf(no_corrupted.status()), "prompts.published.corrupted_dataset_sha256");
  source.mutable_published()->set_corrupted_dataset_sha256(sha256);
  const auto text = MakePromptPairs(datasets, source, *model, kCleanOnly, {});
  EXPECT_THAT(std::string(text.status().message()),
              HasSubstr("clean_dataset_sha256s[0]: line 1: \"text\": is text, but the model has no tokenizer"));
}

v1::PromptSource Inline(int prompts) {
  v1::PromptSource source;
  for (int i = 0; i < prompts; ++i) source.mutable_inline_()->add_clean()->mutable_tokens()->add_ids(i);
  return source;
}

TEST(ValidatePromptSourceTest, InlinePromptsHaveOnePartnerEachOrNone) {
  EXPECT_TRUE(ValidatePromptSource(Inline(3)).ok());
  ExpectRefusal(ValidatePromptSource(Inline(0)), "source", "inline must be set");
  v1::PromptSource source = Inline(3);
  source.mutable_inline_()->add_answers();
  ExpectRefusal(ValidatePromptSource(source), "inline.answers", "1, must be one for each of the 3 clean prompts");
  source.mutable_inline_()->mutable_clean()->Clear();
  ExpectRefusal(ValidatePromptSource(source), "inline.clean", "at least 1 is needed");
}

TEST(IsSlowToMakeTest, FilesAndManyGeneratedPromptsAre) {
  EXPECT_TRUE(IsSlowToMake(Published(1)));
  EXPECT_FALSE(IsSlowToMake(Inline(1)));
  v1::PromptSource source;
  source.mutable_task()->set_task("numerals");
  EXPECT_FALSE(IsSlowToMake(source));
  source.set_num_samples(65);
  EXPECT_TRUE(IsSlowToMake(source));
}

TEST(MakePromptPairsTest, TakesTheFirstInlinePrompts) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto model = testing::TinyModel();
  v1::PromptSource source = Inline(3);
  (*source.mutable_inline_()->mutable_clean(1)->mutable_roles())["only"] = 0;
  source.set_num_samples(2);
  const auto pairs = MakePromptPairs(datasets, source, *model, kCleanOnly, {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_THAT((*pairs)[1].clean, ElementsAre(1));
  EXPECT_EQ((*pairs)[1].roles, PromptRoles({{"only", 0}}));
  EXPECT_TRUE((*pairs)[1].corrupted.empty());
  source.set_num_samples(4);
  ExpectRefusal(MakePromptPairs(datasets, source, *model, kCleanOnly, {}).status(), "prompts.num_samples", "4");
}

TEST(MakePromptPairsTest, RefusesFilesOverTheLimitBeforeTheyAreTokenized) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto upload = datasets.BeginUpload(FileFormat::kPairs);
  // The second line's tokens are none of the model's, but nobody gets so far.
  ASSERT_TRUE(upload
                  ->Append(R"({"clean": [1], "corrupted": [3], "correct": 1, "incorrect": 5}
{"clean": [99], "corrupted": [99], "correct": 1, "incorrect": 5})")
                  .ok());
  v1::PromptSource source;
  source.set_pairs_dataset_sha256((*upload->Finish(""))->sha256);
  const auto model = testing::TinyModel();
  ExpectRefusal(MakePromptPairs(datasets, source, *model, kCleanOnly, {.max_prompts = 1}).status(),
                "prompts.num_samples", "2 prompts in all, max_prompts_per_request is 1",
                absl::StatusCode::kResourceExhausted);
  source.set_num_samples(1);
  EXPECT_TRUE(MakePromptPairs(datasets, source, *model, kCleanOnly, {.max_prompts = 1}).ok());
}

TEST(MakePromptPairsTest, RefusesInlinePromptsThatLackWhatIsNeeded) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto model = testing::TinyModel();
  v1::PromptSource source = Inline(2);
  const auto make = [&](PairNeeds needs) { return MakePromptPairs(datasets, source, *model, needs, {}).status(); };
  ExpectRefusal(make({true, false, false}), "prompts.inline.corrupted", "no prompts");
  ExpectRefusal(make({false, true, false}), "prompts.inline.answers", "no correct tokens");
  for (int i = 0; i < 2; ++i) source.mutable_inline_()->add_answers()->add_correct()->mutable_tokens()->add_ids(1);
  EXPECT_TRUE(make({false, true, false}).ok());
  ExpectRefusal(make({false, true, true}), "prompts.inline.answers", "no incorrect tokens");
}

TEST(MakePromptPairsTest, NamesTasksAndVariantsThatThereAreNot) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto model = testing::TinyModel();
  v1::PromptSource source;
  source.mutable_task()->set_task("roman");
  const auto make = [&] { return MakePromptPairs(datasets, source, *model, kCleanOnly, {}).status(); };
  ExpectRefusal(make(), "prompts.task.task", "\"roman\", must be one of numerals");
  source.mutable_task()->set_task("numerals");
  source.mutable_task()->add_variants("born");
  ExpectRefusal(make(), "prompts.task.variants[0]", "\"born\", must be one of ");
  source.mutable_task()->set_variants(0, "done");
  source.mutable_task()->add_variants("done");
  ExpectRefusal(make(), "prompts.task.variants[1]", "\"done\" is there twice");
}

TEST(MakePromptPairsTest, RefusesInlinePartnersOfOtherLengths) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto model = testing::TinyModel();
  v1::PromptSource source = Inline(2);
  source.mutable_inline_()->add_corrupted()->mutable_tokens()->add_ids(1);
  v1::TokenIds& longer = *source.mutable_inline_()->add_corrupted()->mutable_tokens();
  longer.add_ids(1);
  longer.add_ids(2);
  ExpectRefusal(MakePromptPairs(datasets, source, *model, kCleanOnly, {}).status(), "prompts.inline.corrupted[1]",
                "2 tokens, but its clean partner has 1");
}

TEST(MakePromptPairsTest, StopsBetweenInlinePromptsWhenItIsToldTo) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto model = testing::TinyModel();
  const SourceLimits limits{.checkpoint = [] { return absl::CancelledError("gone"); }};
  EXPECT_EQ(MakePromptPairs(datasets, Inline(2), *model, kCleanOnly, limits).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace circuitd
