#include "server/service/stored_job.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/service/job_kinds.h"
#include "server/service/job_spec_parts.h"
#include "server/service/prompts_json.h"
#include "server/service/stable_bytes.h"
#include "server/service/stored_prompts.h"
#include "server/service/version.h"

namespace circuitd {
namespace {

// Of one job; SQLite takes no more than 1e9 in one piece.
constexpr size_t kMaxInputBytes = size_t{512} << 20;

// Only what jobs take from it, so that circuits that are equal have equal bytes.
std::string StoreCircuit(const CircuitDocument& circuit) {
  CircuitDocument stored;
  stored.config = circuit.config;
  stored.circuit = circuit.circuit;
  stored.scores = circuit.scores;
  return CircuitJson(stored);
}

storage::v1::JobInput InputOf(const JobMaterial& material) {
  v1::JobSpec spec = material.spec;
  const auto prompts = MutablePromptsOf(spec);
  for (size_t i = 0; i < prompts.size(); ++i) *prompts[i].part = StorePairs(material.prompts[i].pairs);
  storage::v1::JobInput input;
  StoreKind(spec, input);
  for (const CircuitDocument& circuit : material.circuits) *input.add_circuits() = StoreCircuit(circuit);
  input.set_model_sha256(material.model_sha256);
  input.set_data_type(ToProto(material.model->dtype()));
  input.set_micro_batch_prompts(material.micro_batch_prompts.value_or(0));
  return input;
}

// What can't be read again is not stored.
absl::Status ValidateSize(const v1::JobSpec& spec, const storage::v1::JobInput& input) {
  const auto circuits = CircuitsOf(spec);
  for (size_t i = 0; i < circuits.size(); ++i) {
    const size_t bytes = input.circuits(static_cast<int>(i)).size();
    if (bytes <= kMaxCircuitFileBytes) continue;
    return InvalidField(
        absl::StrCat(KindName(spec), ".", circuits[i].field),
        absl::StrCat("takes ", bytes, " bytes as circuit.json, must be at most ", kMaxCircuitFileBytes));
  }
  const size_t bytes = input.ByteSizeLong();
  if (bytes <= kMaxInputBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the job's prompts and circuits take ", bytes, " bytes, must be at most ", kMaxInputBytes));
}

absl::StatusOr<JobMaterial> StoredMaterial(const JobKind& kind, v1::JobSpec stored,
                                           const google::protobuf::RepeatedPtrField<std::string>& circuits,
                                           const v1::JobSpec& spec, const ModelConfig& config) {
  JobMaterial material;
  const auto stored_prompts = MutablePromptsOf(stored);
  const auto prompts = PromptsOf(spec);
  if (stored_prompts.size() != prompts.size()) return absl::DataLossError("prompts are missing");
  for (size_t i = 0; i < prompts.size(); ++i) {
    ASSIGN_OR_RETURN(PromptPairs pairs, StoredPairs(*stored_prompts[i].part, config, kind.needs(stored)));
    std::string json = PromptsJson(*prompts[i].part, pairs.size());
    material.prompts.push_back({std::move(pairs), std::move(json)});
    stored_prompts[i].part->Clear();
  }
  if (circuits.size() != static_cast<int>(CircuitsOf(stored).size())) {
    return absl::DataLossError("circuits are missing");
  }
  for (const std::string& circuit : circuits) {
    ASSIGN_OR_RETURN(CircuitDocument document, ParseCircuit(circuit, &config));
    material.circuits.push_back(std::move(document));
  }
  material.spec = std::move(stored);
  return material;
}

}  // namespace

absl::StatusOr<StoredJob> StoreJob(const JobPlan& plan) {
  storage::v1::JobInput input = InputOf(plan.material());
  RETURN_IF_ERROR(ValidateSize(plan.material().spec, input));
  StoredJob stored;
  stored.input = input.SerializeAsString();
  // What is the same under another name has the same result, and micro-batches only show in the last digits. Of another
  // device's rounding that holds too, but who asks for it wants to see it.
  v1::JobSpec spec = StoredKind(input);
  SetModelName("", spec);
  StoreKind(spec, input);
  input.clear_micro_batch_prompts();
  stored.result_key =
      Sha256Hex(absl::StrCat(KindName(spec), " ", kVersion, " ", plan.model().device(), "\n", StableBytes(input)));
  return stored;
}

absl::StatusOr<std::shared_ptr<const JobPlan>> RestoreJob(const storage::v1::JobInput& input, const v1::JobSpec& spec,
                                                          std::shared_ptr<const Model> model, const std::string& sha256,
                                                          int64_t memory_budget_bytes) {
  const auto damaged = [](const absl::Status& status) {
    return absl::DataLossError(absl::StrCat("what is stored of it is damaged: ", status.message()));
  };
  v1::JobSpec stored = StoredKind(input);
  const JobKind* kind = KindOf(stored);
  if (kind == nullptr || stored.kind_case() != spec.kind_case()) {
    return damaged(absl::DataLossError("it is no spec of the job's kind"));
  }
  if (sha256 != input.model_sha256()) {
    return absl::FailedPreconditionError(absl::StrCat("model ", ModelNameOf(stored),
                                                      " is not what it was when the job was submitted: its sha256 is ",
                                                      sha256, ", it was ", input.model_sha256()));
  }
  kind->fill_defaults(stored);
  absl::StatusOr<JobMaterial> material =
      StoredMaterial(*kind, std::move(stored), input.circuits(), spec, model->config());
  if (!material.ok()) return damaged(material.status());
  material->model = std::move(model);
  material->model_sha256 = sha256;
  material->memory_budget_bytes = memory_budget_bytes;
  if (input.micro_batch_prompts() > 0) {
    material->micro_batch_prompts = static_cast<int64_t>(input.micro_batch_prompts());
  }
  absl::StatusOr<std::unique_ptr<JobPlan>> plan = kind->make(*std::move(material));
  if (!plan.ok()) return damaged(plan.status());
  return std::shared_ptr<const JobPlan>(*std::move(plan));
}

}  // namespace circuitd
