#include "server/service/stored_pruning.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "circuitd/storage/v1/job_input.pb.h"
#include "server/model/registry.h"
#include "server/service/convert.h"
#include "server/service/model_error.h"
#include "server/service/prompt_sources.h"
#include "server/service/prompts_json.h"
#include "server/service/server_options.h"
#include "server/service/stable_bytes.h"
#include "server/service/version.h"

namespace circuitd {
namespace {

void SetTokens(const std::vector<int>& tokens, v1::Prompt& prompt) {
  prompt.mutable_tokens()->mutable_ids()->Assign(tokens.begin(), tokens.end());
}

// An answer's tokens, each a prompt of its own.
void AddTokens(const std::vector<int>& tokens, google::protobuf::RepeatedPtrField<v1::Prompt>& prompts) {
  for (const int token : tokens) SetTokens({token}, *prompts.Add());
}

v1::NodePruningSpec SpecOf(const NodePruningPlan& plan) {
  v1::NodePruningSpec spec;
  spec.set_model(plan.model->name());
  spec.set_means(plan.options.means == MlpMeans::kClean ? v1::MLP_MEANS_CLEAN : v1::MLP_MEANS_SEQCONT);
  spec.set_threshold(plan.options.threshold);
  if (plan.options.max_iterations) spec.set_max_iterations(*plan.options.max_iterations);
  v1::InlinePrompts& prompts = *spec.mutable_prompts()->mutable_inline_();
  for (const PromptPair& pair : plan.pairs) {
    SetTokens(pair.clean, *prompts.add_clean());
    SetTokens(pair.corrupted, *prompts.add_corrupted());
    v1::Answer& answer = *prompts.add_answers();
    AddTokens(pair.correct, *answer.mutable_correct());
    AddTokens(pair.incorrect, *answer.mutable_incorrect());
  }
  return spec;
}

storage::v1::NodePruningInput InputOf(const NodePruningPlan& plan) {
  storage::v1::NodePruningInput input;
  *input.mutable_spec() = SpecOf(plan);
  input.set_model_sha256(plan.model_sha256);
  input.set_data_type(ToProto(plan.model->dtype()));
  input.set_micro_batch_prompts(plan.options.micro_batch_prompts.value_or(0));
  return input;
}

}  // namespace

std::string StorePlan(const NodePruningPlan& plan) { return InputOf(plan).SerializeAsString(); }

absl::StatusOr<std::shared_ptr<const NodePruningPlan>> RestorePlan(const ServerParts& parts, const std::string& bytes,
                                                                   const v1::NodePruningSpec& spec,
                                                                   const std::string& device) {
  storage::v1::NodePruningInput input;
  if (!input.ParseFromString(bytes)) return absl::DataLossError("what the job was submitted with is damaged");
  ASSIGN_OR_RETURN(const std::optional<DType> dtype, FromProto(input.data_type(), "data_type"));
  absl::StatusOr<std::shared_ptr<const Model>> model = parts.models.Load(input.spec().model(), {device, dtype});
  if (!model.ok()) return ModelError("model", model.status());
  ASSIGN_OR_RETURN(const std::string sha256, (*model)->Sha256());
  if (sha256 != input.model_sha256()) {
    return absl::FailedPreconditionError(absl::StrCat("model ", input.spec().model(),
                                                      " is not what it was when the job was submitted: its sha256 is ",
                                                      sha256, ", it was ", input.model_sha256()));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<NodePruningPlan> plan, MakePlan(parts, input.spec(), *std::move(model)));
  plan->prompts_json = PromptsJson(spec.prompts(), plan->pairs.size());
  if (input.micro_batch_prompts() > 0) {
    plan->options.micro_batch_prompts = static_cast<int64_t>(input.micro_batch_prompts());
  }
  return plan;
}

std::string ResultKey(const NodePruningPlan& plan) {
  storage::v1::NodePruningInput input = InputOf(plan);
  // What is the same under another name has the same result, and the micro-batches only show in the last digits.
  input.mutable_spec()->clear_model();
  input.clear_micro_batch_prompts();
  return Sha256Hex(absl::StrCat("node_pruning ", kVersion, "\n", StableBytes(input)));
}

}  // namespace circuitd
