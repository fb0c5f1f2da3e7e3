#include "client/cli/prune_options.h"

#include <string>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/job_options.h"
#include "client/cli/output_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<v1::SubmitJobRequest> Parse(const std::string& arguments) {
  CLI::App app;
  PruneOptions options;
  JobOptions job;
  options.AddTo(app);
  job.AddTo(app);
  job.AddWatchingTo(app);
  app.parse(arguments);
  ASSIGN_OR_RETURN(const JobPlan plan, options.Plan());
  return MakeSubmitRequest(job, plan.spec, absl::FromUnixSeconds(1'000'000));
}

v1::SubmitJobRequest Request(const std::string& arguments) {
  const auto request = Parse(arguments);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? *request : v1::SubmitJobRequest();
}

TEST(PruneOptionsTest, AsksForGeneratedPromptsByDefault) {
  const v1::SubmitJobRequest request = Request("--model gpt2 --task numerals");
  const v1::NodePruningSpec& pruning = request.spec().node_pruning();
  EXPECT_EQ(pruning.model(), "gpt2");
  EXPECT_EQ(pruning.prompts().task().task(), "numerals");
  EXPECT_EQ(pruning.prompts().task().variants_size(), 0);
  EXPECT_FALSE(pruning.prompts().has_num_samples());
  EXPECT_EQ(pruning.threshold(), 20);
  EXPECT_EQ(pruning.means(), v1::MLP_MEANS_SEQCONT);
  EXPECT_FALSE(pruning.has_max_iterations());
}

TEST(PruneOptionsTest, PassesEveryOptionOn) {
  const v1::SubmitJobRequest request = Request(
      "-m m -t months --variants done,names --seed 7 -n 1000000000 --threshold 150 --means clean --one-iter "
      "--first-token --labels a=b,c=d=e --priority -5 --deadline 1h --request-id again --no-cache --validate-only");
  const v1::NodePruningSpec& pruning = request.spec().node_pruning();
  EXPECT_THAT(pruning.prompts().task().variants(), ElementsAre("done", "names"));
  EXPECT_EQ(pruning.prompts().task().seed(), 7u);
  EXPECT_EQ(pruning.prompts().num_samples(), 1'000'000'000u);
  EXPECT_EQ(pruning.prompts().multi_token_answers(), v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  EXPECT_EQ(pruning.threshold(), 150);
  EXPECT_EQ(pruning.means(), v1::MLP_MEANS_CLEAN);
  EXPECT_EQ(pruning.max_iterations(), 1u);
  EXPECT_EQ(request.spec().labels().at("a"), "b");
  EXPECT_EQ(request.spec().labels().at("c"), "d=e");
  EXPECT_EQ(request.spec().priority(), -5);
  EXPECT_EQ(request.spec().deadline().seconds(), 1'003'600);
  EXPECT_EQ(request.request_id(), "again");
  EXPECT_TRUE(request.no_cache());
  EXPECT_TRUE(request.validate_only());
  EXPECT_FALSE(request.spec().cancel_on_disconnect());
  EXPECT_TRUE(Request("-m m -t t --cancel-on-disconnect").spec().cancel_on_disconnect());
}

TEST(PruneOptionsTest, RejectsOptionsThatContradictEachOther) {
  EXPECT_THROW(Parse("-m m -t t --one-iter --max-iterations 2"), CLI::ParseError);
  EXPECT_THROW(Parse("-m m -t t --validate-only -o x"), CLI::ParseError);
  EXPECT_THROW(Parse("-m m -t t --detach -o x"), CLI::ParseError);
  EXPECT_THROW(Parse("-m m -t t --detach --cancel-on-disconnect"), CLI::ParseError);
  EXPECT_THROW(Parse("-m m -t t --means other"), CLI::ParseError);
  EXPECT_THROW(Parse("-m m -t t -n -1"), CLI::ParseError);
  EXPECT_THROW(Parse("-t t"), CLI::ParseError);
}

TEST(PruneOptionsTest, RejectsLabelsWithoutValue) {
  EXPECT_THAT(Parse("-m m -t t --labels a").status().message(), HasSubstr("'a' is not KEY=VALUE"));
}

TEST(ParseDeadlineTest, ReadsDurationsAndTimes) {
  const absl::Time now = absl::FromUnixSeconds(100);
  EXPECT_EQ(ParseDeadline("1m30s", now).value(), absl::FromUnixSeconds(190));
  EXPECT_EQ(ParseDeadline("1970-01-01T00:10:00Z", now).value(), absl::FromUnixSeconds(600));
  for (const char* text : {"", "soon", "10", "inf"}) {
    EXPECT_EQ(ParseDeadline(text, now).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(OutputFolderTest, MakesMissingFoldersAndRemovesThemWhenAbandoned) {
  const TempFolder folder;
  auto output = OutputFolder::Prepare(folder.File("a/b"), false);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_TRUE(folder.Has("a/b"));
  output->Abandon();
  EXPECT_FALSE(folder.Has("a"));
  EXPECT_TRUE(folder.Has(""));
}

TEST(OutputFolderTest, AbandonKeepsWhatIsNotEmpty) {
  const TempFolder folder;
  auto output = OutputFolder::Prepare(folder.File("a/b"), false);
  ASSERT_TRUE(output.ok()) << output.status();
  folder.Write("a/file", "");
  output->Abandon();
  EXPECT_FALSE(folder.Has("a/b"));
  EXPECT_TRUE(folder.Has("a/file"));
}

TEST(OutputFolderTest, RefusesAFolderWithSomethingInItUnlessForced) {
  const TempFolder folder;
  folder.Write("file", "");
  EXPECT_THAT(OutputFolder::Prepare(folder.path(), false).status().message(), HasSubstr("is not empty; --force"));
  EXPECT_TRUE(OutputFolder::Prepare(folder.path(), true).ok());
}

TEST(OutputFolderTest, RefusesWhatCannotBeWritten) {
  const TempFolder folder;
  const std::string file = folder.Write("file", "");
  for (const std::string& path : {file, file + "/below", std::string("/proc/nothing"), std::string()}) {
    EXPECT_EQ(OutputFolder::Prepare(path, true).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(OutputFolderTest, NamesTheDefaultFolderAfterTaskAndJob) {
  EXPECT_EQ(DefaultOutputFolder("numerals", "jobs/7"), "circuit-out/numerals-7");
  EXPECT_EQ(DefaultOutputFolder("", "jobs/7"), "circuit-out/7");
  EXPECT_EQ(DefaultOutputFolder("..", "jobs/../../x"), "circuit-out/_..-.._.._x");
}

}  // namespace
}  // namespace circuitd::client
