#include "server/service/job_requests.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/convert_job.h"
#include "server/service/node_pruning_job.h"
#include "server/service/stable_bytes.h"

namespace circuitd {
namespace {

constexpr size_t kMaxRequestIdBytes = 128;
// Many times what the fields' own bounds allow, but for inline prompts: jobs are kept and listed with their specs.
constexpr size_t kMaxSpecBytes = 65'536;
constexpr size_t kMaxInlineBytes = 262'144;
constexpr int kMaxLabels = 16;
constexpr size_t kMaxLabelBytes = 63;
constexpr int kMaxPriority = 100;

absl::Status ValidateLabels(const google::protobuf::Map<std::string, std::string>& labels) {
  if (labels.size() > kMaxLabels) {
    return InvalidField("spec.labels", absl::StrCat(labels.size(), " labels, must be at most ", kMaxLabels));
  }
  for (const auto& [key, value] : labels) {
    if (key.empty()) return InvalidField("spec.labels", "a key is empty");
    if (key.size() > kMaxLabelBytes) {
      return InvalidField("spec.labels",
                          absl::StrCat("a key has ", key.size(), " bytes, must be at most ", kMaxLabelBytes));
    }
    if (value.size() > kMaxLabelBytes) {
      return InvalidField(absl::StrCat("spec.labels[\"", key, "\"]"),
                          absl::StrCat(value.size(), " bytes, must be at most ", kMaxLabelBytes));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSize(const v1::JobSpec& spec) {
  const size_t prompts = spec.node_pruning().prompts().inline_().ByteSizeLong();
  if (prompts > kMaxInlineBytes) {
    return InvalidField(
        "spec.node_pruning.prompts.inline",
        absl::StrCat(prompts, " bytes, must be at most ", kMaxInlineBytes, "; upload them as a dataset"));
  }
  const size_t rest = spec.ByteSizeLong() - prompts;
  if (rest <= kMaxSpecBytes) return absl::OkStatus();
  return InvalidField("spec", absl::StrCat(rest, " bytes, must be at most ", kMaxSpecBytes));
}

}  // namespace

absl::Status ValidateSubmit(const v1::SubmitJobRequest& request, absl::Time now) {
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return InvalidField("request_id",
                        absl::StrCat(request.request_id().size(), " bytes, must be at most ", kMaxRequestIdBytes));
  }
  const v1::JobSpec& spec = request.spec();
  RETURN_IF_ERROR(ValidateSize(spec));
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      if (absl::Status status = ValidateNodePruning(spec.node_pruning()); !status.ok()) {
        return WithFieldPrefix("spec.node_pruning", status);
      }
      break;
    default:
      return InvalidField("spec.kind", "node_pruning must be set");
  }
  RETURN_IF_ERROR(ValidateLabels(spec.labels()));
  if (spec.priority() < -kMaxPriority || spec.priority() > kMaxPriority) {
    return InvalidField("spec.priority",
                        absl::StrCat(spec.priority(), ", must be -", kMaxPriority, " to ", kMaxPriority));
  }
  if (spec.has_deadline()) {
    ASSIGN_OR_RETURN(const absl::Time deadline, FromProto(spec.deadline(), "spec.deadline"));
    if (deadline <= now) {
      return InvalidField("spec.deadline",
                          absl::StrCat(absl::FormatTime(deadline, absl::UTCTimeZone()), ", is in the past"));
    }
  }
  return absl::OkStatus();
}

std::string SpecFingerprint(const v1::JobSpec& spec) { return Sha256Hex(StableBytes(spec)); }

}  // namespace circuitd
