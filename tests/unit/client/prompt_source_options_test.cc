#include "client/cli/prompt_source_options.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/cli/prompt_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Options point into their app, which lives as long.
struct Parsed {
  CLI::App app;
  PromptSourceOptions options;
};

std::unique_ptr<Parsed> Parse(std::vector<std::string> words, bool with_inline = true) {
  auto parsed = std::make_unique<Parsed>();
  if (with_inline) {
    parsed->options.AddWithInlineTo(parsed->app);
  } else {
    parsed->options.AddTo(parsed->app);
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  parsed->app.parse(words);
  return parsed;
}

std::string Complaint(const std::vector<std::string>& words, bool with_inline = true) {
  const auto files = Parse(words, with_inline)->options.ReadFiles();
  EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(files.status().message());
}

TEST(PromptSourceOptionsTest, NamesAGeneratedTask) {
  const auto parsed = Parse({"-t", "ioi", "--variants", "a,b", "--seed", "7", "-n", "5", "--first-token"});
  ASSERT_TRUE(parsed->options.ReadFiles().ok());
  const auto source = parsed->options.Source();
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->task().task(), "ioi");
  EXPECT_THAT(source->task().variants(), ElementsAre("a", "b"));
  EXPECT_EQ(source->task().seed(), 7u);
  EXPECT_EQ(source->num_samples(), 5u);
  EXPECT_EQ(source->multi_token_answers(), v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
}

TEST(PromptSourceOptionsTest, TakesPromptsAsArguments) {
  const auto parsed = Parse({"one", "--ids", "1,2", "--corrupted-prompt", "x", "--corrupted-prompt", "y", "--correct",
                             " 5", "--incorrect", " 4", "--incorrect", " 3", "--role", "end=1"});
  ASSERT_TRUE(parsed->options.ReadFiles().ok());
  const auto source = parsed->options.Source();
  ASSERT_TRUE(source.ok()) << source.status();
  const v1::InlinePrompts& prompts = source->inline_();
  ASSERT_EQ(prompts.clean_size(), 2);
  EXPECT_EQ(prompts.clean(0).text(), "one");
  EXPECT_EQ(prompts.clean(1).roles().at("end"), 1u);
  EXPECT_EQ(prompts.corrupted(1).text(), "y");
  ASSERT_EQ(prompts.answers_size(), 2);
  EXPECT_EQ(prompts.answers(1).correct(0).text(), " 5");
  EXPECT_EQ(prompts.answers(1).incorrect(0).text(), " 3");
}

TEST(PromptSourceOptionsTest, RejectsSourcesThatContradictEachOther) {
  EXPECT_THAT(Complaint({"one", "-t", "ioi"}), HasSubstr("give one of them"));
  EXPECT_THAT(Complaint({"-t", "ioi", "--correct", " 5"}), HasSubstr("go with prompts that are arguments"));
  EXPECT_THAT(Complaint({"-t", "ioi", "--corrupted-prompt", "x"}), HasSubstr("go with prompts that are arguments"));
  EXPECT_THAT(Complaint({}), HasSubstr("or a text"));
}

TEST(PromptSourceOptionsTest, RejectsAnswersThatAreNotOneEach) {
  const auto parsed = Parse({"a", "b", "c", "--correct", "1", "--correct", "2"});
  EXPECT_THAT(std::string(parsed->options.Source().status().message()), HasSubstr("2 values for 3 prompts"));
}

TEST(PromptSourceOptionsTest, RejectsRolesWithoutPosition) {
  for (const char* role : {"end", "=1", "end=", "end=-1", "end=x"}) {
    EXPECT_THAT(std::string(Parse({"a", "--role", role})->options.Source().status().message()),
                HasSubstr("is not NAME=POSITION"))
        << role;
  }
}

TEST(PromptSourceOptionsTest, TakesAFileAsPairs) {
  const TempFolder folder;
  const auto local = Parse({"--prompts", folder.Write("pairs.jsonl", "{}\n")})->options.ReadFiles();
  ASSERT_TRUE(local.ok()) << local.status();
  EXPECT_EQ(local->pairs, "{}\n");
  EXPECT_FALSE(local->published);
}

TEST(PromptSourceOptionsTest, TakesAFileWithCorruptedPromptsAsPublished) {
  const TempFolder folder;
  const auto local =
      Parse({"--prompts", folder.Write("clean.jsonl", "1\n"), "--corrupted", folder.Write("corrupted.jsonl", "2\n")})
          ->options.ReadFiles();
  ASSERT_TRUE(local.ok()) << local.status();
  ASSERT_TRUE(local->published);
  EXPECT_THAT(local->published->clean, ElementsAre("1\n"));
  EXPECT_EQ(local->published->corrupted, "2\n");
}

TEST(PromptSourceOptionsTest, RejectsIncompleteSets) {
  const TempFolder folder;
  EXPECT_THAT(Complaint({}, /*with_inline=*/false), HasSubstr("--task or --prompts"));
  EXPECT_THAT(Complaint({"--prompts", folder.path()}), HasSubstr("--task"));
  EXPECT_THAT(Complaint({"-t", "t", "--corrupted", "x"}), HasSubstr("--corrupted"));
  EXPECT_EQ(Parse({"--prompts", folder.File("absent")})->options.ReadFiles().status().code(),
            absl::StatusCode::kNotFound);
}

TEST(PublishedFolderTest, ReadsTheThreeVariantsAndTheCorruptedFile) {
  const TempFolder folder;
  for (const char* variant : {"done", "lost", "names"}) {
    folder.Write(absl::StrCat("t_prompts_", variant, ".jsonl"), absl::StrCat(variant, "\n"));
  }
  folder.Write("randDS_t.jsonl", "d\nl\nn\n");
  const auto files = ReadPublishedFolder(folder.path(), "t", {});
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(files->clean, ElementsAre("done\n", "lost\n", "names\n"));
  EXPECT_EQ(files->corrupted, "d\nl\nn\n");
}

TEST(PublishedFolderTest, NamesAMissingFile) {
  const TempFolder folder;
  folder.Write("randDS_t.jsonl", "d\nl\nn\n");
  const absl::Status status = ReadPublishedFolder(folder.path(), "t", {"lost"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("t_prompts_lost.jsonl"));
}

TEST(PublishedFolderTest, CutsTheCorruptedFileToTheVariants) {
  EXPECT_EQ(CutCorrupted("1\n2\n\n3\n4\n5\n6\n", {"lost"}).value(), "3\n4\n");
  EXPECT_EQ(CutCorrupted("1\n2\n3\n4\n5\n6", {"names", "done"}).value(), "5\n6\n1\n2\n");
  EXPECT_THAT(CutCorrupted("1\n2\n", {"lost"}).status().message(), HasSubstr("do not divide"));
  EXPECT_THAT(CutCorrupted("1\n2\n3\n", {"found"}).status().message(), HasSubstr("must be done, lost or names"));
}

TEST(PublishedFolderTest, CutsThePublishedPromptsWhereTheyPair) {
  const std::string shared = std::string(CIRCUITD_SOURCE_DIR) + "/../shared/prompts";
  const auto files = ReadPublishedFolder(shared, "numerals", {"names"});
  ASSERT_TRUE(files.ok()) << "the published prompts are needed in ../shared/prompts: " << files.status();
  // The pair has the same words and other numerals.
  EXPECT_THAT(files->clean[0].substr(0, files->clean[0].find('\n')), HasSubstr("Marcus born in"));
  EXPECT_THAT(files->corrupted.substr(0, files->corrupted.find('\n')), HasSubstr("Marcus born in"));
}

}  // namespace
}  // namespace circuitd::client
