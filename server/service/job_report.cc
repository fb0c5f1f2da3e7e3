#include "server/service/job_report.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/head_details.h"
#include "server/jobs/guarded_run.h"
#include "server/readings/head_details_reading.h"
#include "server/report/report_files.h"
#include "server/telemetry/log.h"

namespace circuitd {
namespace {

// heads.json
absl::StatusOr<std::string> ReadHeads(const JobPlan& plan, const PlanOutcome& found, const Checkpoint& checkpoint) {
  const ForwardOptions options{plan.material().memory_budget_bytes, checkpoint};
  std::vector<HeadDetails> sets;
  for (size_t i = 0; i < plan.material().prompts.size(); ++i) {
    const PromptPairs& pairs = plan.material().prompts[i].pairs;
    ASSIGN_OR_RETURN(HeadDetails details, ReadHeadDetails(plan.model(), pairs, found.nodes, options));
    details.label = found.prompt_labels[i];
    sets.push_back(std::move(details));
  }
  return HeadDetailsJson(sets);
}

// report.html
absl::StatusOr<std::string> MakeReport(const std::vector<ArtifactFile>& files) {
  ReportFolder folder;
  for (const ArtifactFile& file : files) folder.files.push_back({file.name, file.bytes});
  ASSIGN_OR_RETURN(const ReportContent content, ReadReportFiles({std::move(folder)}));
  return ReportHtml(content);
}

}  // namespace

absl::StatusOr<JobOutcome> WithReport(const JobPlan& plan, PlanOutcome found, PlanRun& run) {
  absl::Status stopped;
  const Checkpoint checkpoint = [&stopped, pause = run.checkpoint()] { return stopped = pause(); };
  absl::StatusOr<std::string> heads = RunGuarded([&] { return ReadHeads(plan, found, checkpoint); });
  RETURN_IF_ERROR(stopped);
  std::vector<ArtifactFile>& files = found.files;
  if (heads.ok()) {
    files.push_back({"heads.json", "application/json", *std::move(heads)});
  } else {
    LogWarning(absl::StrCat("a job's heads.json is left out: ", heads.status().message()));
  }
  RETURN_IF_ERROR(run.checkpoint()());
  absl::StatusOr<std::string> report = RunGuarded([&] { return MakeReport(files); });
  if (report.ok()) {
    files.push_back({kReportFile, "text/html", *std::move(report)});
  } else {
    LogError(absl::StrCat("a job's report can't be made: ", report.status().message()));
  }
  return JobOutcome{std::move(found.result), std::move(files)};
}

int64_t ReportBytes(const JobPlan& plan) {
  int64_t most = 0;
  for (const JobPrompts& prompts : plan.material().prompts) {
    most = std::max(most, HeadDetailsBytes(plan.model(), prompts.pairs, plan.material().memory_budget_bytes));
  }
  return most;
}

}  // namespace circuitd
