#include "server/service/job_recovery.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/job.pb.h"
#include "server/jobs/device_worker.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/service/node_pruning_job.h"
#include "server/service/stored_pruning.h"
#include "server/telemetry/log.h"

namespace circuitd {
namespace {

absl::StatusOr<JobBody> MakeBodyAgain(const ServerParts& parts, const JobRecord& record) {
  v1::JobSpec spec;
  if (!spec.ParseFromString(record.spec)) return absl::DataLossError("the job's spec is damaged");
  if (!spec.has_node_pruning()) return absl::UnimplementedError("this circuitd doesn't know the job's kind");
  ASSIGN_OR_RETURN(const std::string input, parts.jobs.Input(record.id));
  ASSIGN_OR_RETURN(auto plan, RestorePlan(parts, input, spec.node_pruning(), record.device));
  return MakeNodePruningBody(parts, std::move(plan));
}

// The jobs that still lack their bodies, oldest first.
class Recovery : public std::enable_shared_from_this<Recovery> {
 public:
  Recovery(const ServerParts& parts, std::vector<JobRecord> jobs) : parts_(parts), jobs_(std::move(jobs)) {}

  // One job at a time, so that calls whose models are to be loaded come in between.
  void Next() {
    if (next_ == jobs_.size()) return;
    const auto run = [self = shared_from_this()] {
      self->Provide(self->jobs_[self->next_++]);
      return absl::OkStatus();
    };
    const auto go_on = [self = shared_from_this()](const absl::Status& status) {
      if (status.ok()) self->Next();
    };
    // Where even calls find no room there is nobody to be let in.
    const absl::Status status = parts_.loading.Enqueue({{}, run, go_on});
    if (status.ok() || absl::IsUnavailable(status)) return;
    while (next_ < jobs_.size()) Provide(jobs_[next_++]);
  }

 private:
  void Provide(const JobRecord& record) {
    absl::StatusOr<JobBody> body = RunGuarded([&] { return MakeBodyAgain(parts_, record); });
    if (!body.ok()) {
      body = absl::Status(body.status().code(),
                          absl::StrCat("can't go on after the server was restarted: ", body.status().message()));
    }
    parts_.jobs.Provide(record.id, std::move(body));
  }

  const ServerParts& parts_;
  const std::vector<JobRecord> jobs_;
  size_t next_ = 0;
};

}  // namespace

absl::Status RecoverJobs(const ServerParts& parts) {
  ASSIGN_OR_RETURN(std::vector<JobRecord> jobs, parts.jobs.Recover());
  if (!jobs.empty()) LogInfo(absl::StrCat("taking up ", jobs.size(), " jobs that had not ended"));
  std::make_shared<Recovery>(parts, std::move(jobs))->Next();
  return absl::OkStatus();
}

}  // namespace circuitd
