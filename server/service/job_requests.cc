#include "server/service/job_requests.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/circuit_sources.h"
#include "server/service/convert_job.h"
#include "server/service/job_kinds.h"
#include "server/service/job_spec_parts.h"
#include "server/service/prompt_sources.h"
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

// Of all prompts together.
absl::Status ValidateSize(const v1::JobSpec& spec) {
  size_t inline_bytes = 0;
  for (const auto& source : PromptsOf(spec)) {
    inline_bytes += source.part->inline_().ByteSizeLong();
    if (inline_bytes <= kMaxInlineBytes) continue;
    return InvalidField(
        absl::StrCat("spec.", KindName(spec), ".", source.field, ".inline"),
        absl::StrCat(inline_bytes, " bytes, must be at most ", kMaxInlineBytes, "; upload them as a dataset"));
  }
  const size_t rest = spec.ByteSizeLong() - inline_bytes;
  if (rest <= kMaxSpecBytes) return absl::OkStatus();
  return InvalidField("spec", absl::StrCat(rest, " bytes, must be at most ", kMaxSpecBytes));
}

absl::Status ValidateKind(const JobKind& kind, const v1::JobSpec& spec) {
  if (ModelNameOf(spec).empty()) return InvalidField("model", "must be set");
  for (const auto& source : PromptsOf(spec)) {
    const absl::Status status = ValidatePromptSource(*source.part);
    if (!status.ok()) return WithFieldPrefix(source.field, status);
  }
  for (const auto& source : CircuitsOf(spec)) {
    const absl::Status status = ValidateCircuitSource(*source.part);
    if (!status.ok()) return WithFieldPrefix(source.field, status);
  }
  return kind.validate(spec);
}

}  // namespace

absl::Status ValidateSubmit(const v1::SubmitJobRequest& request, absl::Time now) {
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return InvalidField("request_id",
                        absl::StrCat(request.request_id().size(), " bytes, must be at most ", kMaxRequestIdBytes));
  }
  const v1::JobSpec& spec = request.spec();
  const JobKind* kind = KindOf(spec);
  if (kind == nullptr)
    return InvalidField("spec.kind",
                        "one of node_pruning, edge_pruning, acdc, edge_attribution and evaluation must be set");
  RETURN_IF_ERROR(ValidateSize(spec));
  if (const absl::Status status = ValidateKind(*kind, spec); !status.ok()) {
    return WithFieldPrefix(absl::StrCat("spec.", KindName(spec)), status);
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
