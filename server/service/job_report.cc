#include "server/service/job_report.h"

#include <algorithm>
#include <cstddef>
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

// report.html. The files are the report's while it is made: some are large, none is copied.
absl::StatusOr<std::string> MakeReport(std::vector<ArtifactFile>& files) {
  std::vector<ReportFolder> folders(1);
  std::vector<ReportFile>& lent = folders[0].files;
  lent.reserve(files.size());
  for (ArtifactFile& file : files) lent.push_back({file.name, std::move(file.bytes)});
  absl::StatusOr<std::string> report = RunGuarded([&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const ReportContent content, ReadReportFiles(folders));
    return ReportHtml(content);
  });
  for (size_t i = 0; i < files.size(); ++i) files[i].bytes = std::move(lent[i].bytes);
  return report;
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
  absl::StatusOr<std::string> report = MakeReport(files);
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
