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

v1::PromptSource Published(int clean_files) {
  v1::PromptSource source;
  for (int i = 0; i < clean_files; ++i) {
    source.mutable_published()->add_clean_dataset_sha256s(absl::StrCat(std::string(62, 'a'), 10 + i));
  }
  source.mutable_published()->set_corrupted_dataset_sha256(std::string(64, 'b'));
  return source;
}

void ExpectRefusal(const absl::Status& status, const std::string& field, const std::string& message) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
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
    const auto upload = datasets.BeginUpload(DatasetFormat::kPairs);
    EXPECT_TRUE(upload->Append(jsonl).ok());
    return (*upload->Finish(""))->sha256;
  };
  v1::PromptSource source;
  source.set_pairs_dataset_sha256(
      store(R"({"clean": [1, 2], "corrupted": [3, 2], "correct": [9, 4, 9], "incorrect": 5})"));
  const auto model = testing::TinyModel();
  const auto pairs = MakePromptPairs(datasets, source, *model);
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 1u);
  EXPECT_THAT((*pairs)[0].clean, ElementsAre(1, 2));
  EXPECT_THAT((*pairs)[0].correct, ElementsAre(9, 4));
}

TEST(MakePromptPairsTest, FindsEveryPublishedFileByField) {
  DatasetStore datasets(1 << 20, 1 << 20);
  const auto upload = datasets.BeginUpload(DatasetFormat::kPublished);
  ASSERT_TRUE(upload->Append(R"({"text": "a", "corr": "b", "incorr": "c"})").ok());
  const std::string sha256 = (*upload->Finish(""))->sha256;
  const auto model = testing::TinyModel();
  v1::PromptSource source = Published(2);
  source.mutable_published()->set_clean_dataset_sha256s(0, sha256);
  const auto no_clean = MakePromptPairs(datasets, source, *model);
  EXPECT_EQ(no_clean.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FieldOf(no_clean.status()), "prompts.published.clean_dataset_sha256s[1]");
  source.mutable_published()->mutable_clean_dataset_sha256s()->RemoveLast();
  const auto no_corrupted = MakePromptPairs(datasets, source, *model);
  EXPECT_EQ(FieldOf(no_corrupted.status()), "prompts.published.corrupted_dataset_sha256");
  source.mutable_published()->set_corrupted_dataset_sha256(sha256);
  const auto text = MakePromptPairs(datasets, source, *model);
  EXPECT_THAT(std::string(text.status().message()),
              HasSubstr("clean_dataset_sha256s[0]: line 1: \"text\": is text, but the model has no tokenizer"));
}

}  // namespace
}  // namespace circuitd
