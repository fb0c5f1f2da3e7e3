#include "server/service/job_recovery.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/storage/v1/job_input.pb.h"
#include "circuitd/v1/job.pb.h"
#include "server/jobs/device_worker.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/model/registry.h"
#include "server/service/convert.h"
#include "server/service/job_kinds.h"
#include "server/service/job_planning.h"
#include "server/service/job_spec_parts.h"
#include "server/service/model_error.h"
#include "server/service/server_options.h"
#include "server/service/stored_job.h"

namespace circuitd {
namespace {

// Whether another attempt may end otherwise: others have the memory, the disk can't be read. What the store has, and
// what is wrong with a model's files, is not that.
bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsInternal(status);
}

absl::StatusOr<std::shared_ptr<const Model>> LoadAgain(const ServerParts& parts, const storage::v1::JobInput& input,
                                                       const std::string& device) {
  ASSIGN_OR_RETURN(const std::optional<DType> dtype, FromProto(input.data_type(), "data_type"));
  const v1::JobSpec spec = StoredKind(input);
  const std::string& name = ModelNameOf(spec);
  absl::StatusOr<std::shared_ptr<const Model>> model = parts.models.Load(name, {device, dtype});
  if (model.ok()) return model;
  const absl::Status status = ModelError("model", model.status());
  // One that is not there, or is loaded with other options, may be served again: a folder comes late, somebody unloads.
  const bool may_come = absl::IsNotFound(status) || parts.models.FindLoaded(name);
  return may_come ? absl::UnavailableError(status.message()) : status;
}

void MakeBodyAgain(const ServerParts& parts, const JobRecord& record) {
  const auto fail = [&](const absl::Status& status) {
    const std::string why = absl::StrCat("can't go on after the server was restarted: ", status.message());
    if (MayPass(status)) {
      parts.jobs.Postpone(record.id, why);
    } else {
      parts.jobs.Provide(record.id, absl::Status(status.code(), why));
    }
  };
  const absl::StatusOr<std::string> bytes = parts.jobs.Input(record.id);
  if (!bytes.ok()) return fail(bytes.status());
  v1::JobSpec spec;
  if (!spec.ParseFromString(record.spec)) return fail(absl::DataLossError("the job's spec is damaged"));
  if (KindOf(spec) == nullptr) return fail(absl::UnimplementedError("this circuitd doesn't know the job's kind"));
  storage::v1::JobInput input;
  if (!input.ParseFromString(*bytes)) return fail(absl::DataLossError("what it was submitted with is damaged"));
  const auto model = LoadAgain(parts, input, record.device);
  if (!model.ok()) return fail(model.status());
  const absl::StatusOr<std::string> sha256 = (*model)->Sha256();
  if (!sha256.ok()) return fail(sha256.status());
  auto plan = RestoreJob(input, spec, *model, *sha256, parts.options.memory_budget_bytes);
  if (!plan.ok()) return fail(plan.status());
  parts.jobs.Provide(record.id, MakeJobBody(parts, *std::move(plan)));
}

}  // namespace

void PrepareAgain(const ServerParts& parts, const JobRecord& record) {
  // Where models are loaded, so that the device's calls don't wait for it.
  const absl::Status status = parts.loading.Enqueue({{},
                                                     [&parts, record] {
                                                       return RunGuarded([&] {
                                                         MakeBodyAgain(parts, record);
                                                         return absl::OkStatus();
                                                       });
                                                     },
                                                     [&parts, id = record.id](const absl::Status& status) {
                                                       if (!status.ok()) parts.jobs.Postpone(id, status.message());
                                                     }});
  if (!status.ok()) parts.jobs.Postpone(record.id, status.message());
}

}  // namespace circuitd
