// `circuit report`: pages from files, without a server.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/report/report_files.h"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kCircuit[] =
    R"({"schema":"circuitd.circuit/1","model":{"name":"tiny","dims":{"n_layers":2,"n_heads":2}},)"
    R"("task":{"task":{"task":"months"}},"decision_count":1,"nodes":[{"name":"A0.0"},{"name":"M1"}]})";
constexpr char kDecision[] =
    R"({"index":0,"name":"M1","score":34.5,"removed":false,"iteration":0,"direction":"backward","heads_kept":4,)"
    R"("mlps_kept":2})"
    "\n";
constexpr char kHeads[] = R"({"schema":"circuitd.heads/1","sets":[]})";
constexpr char kEvaluation[] =
    R"({"schema":"circuitd.evaluation/1","model":{"dims":{"n_layers":2,"n_heads":2}},"parameters":{"metric":"rank"},)"
    R"("circuits":[{"label":"judged","node_count":2}],"tasks":[{"label":"numerals","prompt_count":4}],)"
    R"("cells":[{"circuit":0,"task":0,"circuit_metric":0.1}]})";

class ReportCommandTest : public testing::Test {
 protected:
  ReportCommandTest() {
    for (const char* name : {"job", "judged", "empty"}) std::filesystem::create_directory(folder_.File(name));
    folder_.Write("job/circuit.json", kCircuit);
    folder_.Write("job/decisions.jsonl", kDecision);
    folder_.Write("job/heads.json", kHeads);
    folder_.Write("judged/evaluation.json", kEvaluation);
    folder_.Write("judged/circuit-0.json", kCircuit);
    folder_.Write("judged/circuit.json", "of what circuits share");
  }

  CommandRun Run(std::vector<std::string> words) const {
    words.insert(words.begin(), "report");
    return RunCommandAt("127.0.0.1:1", words);
  }

  // The data in the page.
  json Data(const std::string& name) const {
    const std::string page = folder_.Read(name);
    const size_t start = page.find('>', page.find("id=\"report-data\"")) + 1;
    return json::parse(page.substr(start, page.find("</script>", start) - start));
  }

  TempFolder folder_;
  const std::string job_ = folder_.File("job"), judged_ = folder_.File("judged"), out_ = folder_.File("out.html");
};

TEST_F(ReportCommandTest, PutsThePageIntoTheOnlyFolder) {
  const CommandRun run = Run({job_});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run.out, absl::StrCat("Report: ", job_, "/report.html\n"));
  const json data = Data("job/report.html");
  EXPECT_EQ(data["title"], "Circuit for months in tiny");
  EXPECT_EQ(data["circuits"][0]["label"], "months");
  EXPECT_EQ(data["circuits"][0]["decisions"]["count"], 1);
  EXPECT_FALSE(folder_.Has("job/report.html.part"));
}

TEST_F(ReportCommandTest, OfAFolderMakesThePageThatTheServerMakesOfItsFiles) {
  ASSERT_TRUE(Run({job_}).ok());
  const auto content =
      ReadReportFiles({{"", "", {{"circuit.json", kCircuit}, {"decisions.jsonl", kDecision}, {"heads.json", kHeads}}}});
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(folder_.Read("job/report.html"), ReportHtml(*content));
  ASSERT_TRUE(Run({judged_}).ok());
  const auto judged = ReadReportFiles({{"", "", {{"circuit-0.json", kCircuit}, {"evaluation.json", kEvaluation}}}});
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(folder_.Read("judged/report.html"), ReportHtml(*judged));
}

TEST_F(ReportCommandTest, ReplacesAPageOnlyIfAskedTo) {
  folder_.Write("job/report.html", "mine");
  const CommandRun run = Run({job_});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(run.status().message(), HasSubstr("--force replaces it"));
  EXPECT_EQ(folder_.Read("job/report.html"), "mine");
  EXPECT_TRUE(Run({job_, "--force"}).ok());
  EXPECT_THAT(folder_.Read("job/report.html"), StartsWith("<!doctype html>"));
}

TEST_F(ReportCommandTest, NeedsAPlaceForThePageOfSeveral) {
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{job_, judged_}, {folder_.File("job/circuit.json")}}) {
    const CommandRun run = Run(paths);
    EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(run.status().message(), HasSubstr("--output: needed"));
  }
}

TEST_F(ReportCommandTest, GivesJudgedCircuitsWhatTheirFoldersKnow) {
  const std::string other =
      folder_.Write("other.json", R"({"schema":"circuitd.circuit/1","model":{"dims":{"n_layers":2,"n_heads":2}},)"
                                  R"("nodes":[{"name":"A1.1"}]})");
  const CommandRun run = Run({other, job_, judged_, "-o", out_, "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(json::parse(run.out), json({{"file", out_}}));
  const json data = Data("out.html");
  ASSERT_EQ(data["circuits"].size(), 2u);
  EXPECT_EQ(data["circuits"][0]["label"], "judged");
  EXPECT_EQ(data["circuits"][0]["decisions"]["count"], 1);
  EXPECT_EQ(data["circuits"][1]["label"], "other");
  EXPECT_EQ(data["evaluation"]["shown"], json({0}));
}

TEST_F(ReportCommandTest, TakesTheFilesThatFoldersHave) {
  ASSERT_TRUE(Run({folder_.File("job/circuit.json"), folder_.File("judged/evaluation.json"), "-o", out_}).ok());
  EXPECT_EQ(Data("out.html")["circuits"][0]["decisions"]["count"], 1);
  const std::string alone = folder_.Write("alone.json", kEvaluation);
  ASSERT_TRUE(Run({alone, "-o", out_, "--force"}).ok());
  EXPECT_EQ(Data("out.html")["circuits"], json::array());
  EXPECT_EQ(Data("out.html")["evaluation"]["circuits"], json({"judged"}));
}

TEST_F(ReportCommandTest, CallsCircuitsByDifferentNames) {
  std::filesystem::create_directory(folder_.File("more"));
  std::filesystem::copy(job_, folder_.File("more/job"));
  ASSERT_TRUE(Run({job_, folder_.File("more/job"), "-o", out_}).ok());
  EXPECT_EQ(Data("out.html")["circuits"][0]["label"], "job");
  EXPECT_EQ(Data("out.html")["circuits"][1]["label"], "job-2");
}

TEST_F(ReportCommandTest, TakesDimensionsFromTheCommandLine) {
  const std::string published = folder_.Write("published.json", R"({"heads":[[1,0]],"mlps":[]})");
  EXPECT_THAT(Run({published, "-o", out_}).status().message(), HasSubstr(published + ":"));
  EXPECT_TRUE(Run({published, "-o", out_, "--layers", "2", "--heads", "2"}).ok());
}

TEST_F(ReportCommandTest, NamesDecisionsThatAnotherJobLeft) {
  folder_.Write("job/decisions.jsonl", absl::StrCat(kDecision, absl::StrReplaceAll(kDecision, {{":0,", ":1,"}})));
  const CommandRun run = Run({job_});
  EXPECT_EQ(run.status().message(),
            absl::StrCat(job_, "/decisions.jsonl: has 2 decisions, circuit.json says 1: of another job"));
  EXPECT_FALSE(folder_.Has("job/report.html"));
}

TEST_F(ReportCommandTest, LeavesNoFileWhereItFails) {
  folder_.Write("job/decisions.jsonl", "</script>");
  const std::vector<std::string> paths[] = {
      {job_}, {folder_.File("empty")}, {judged_, judged_}, {folder_.File("missing")}};
  for (std::vector<std::string> words : paths) {
    const std::string path = words[0];
    words.insert(words.end(), {"-o", out_});
    const CommandRun run = Run(words);
    EXPECT_FALSE(run.ok());
    EXPECT_THAT(run.status().message(), HasSubstr(path));
    EXPECT_FALSE(folder_.Has("out.html"));
    EXPECT_FALSE(folder_.Has("out.html.part"));
  }
  EXPECT_EQ(ExitCode(Run({job_}).status()), kExitUsage);
  EXPECT_THAT(Run({job_}).status().message(), HasSubstr("decisions.jsonl: line 1: is not JSON"));
}

}  // namespace
}  // namespace circuitd::client
