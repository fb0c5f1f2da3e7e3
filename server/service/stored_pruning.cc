#include "server/service/stored_pruning.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/service/prompts_json.h"
#include "server/service/stable_bytes.h"
#include "server/service/version.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

void SetTokens(const std::vector<int>& tokens, v1::Prompt& prompt) {
  prompt.mutable_tokens()->mutable_ids()->Assign(tokens.begin(), tokens.end());
}

// An answer's tokens, each a prompt of its own.
void AddTokens(const std::vector<int>& tokens, google::protobuf::RepeatedPtrField<v1::Prompt>& prompts) {
  for (const int token : tokens) SetTokens({token}, *prompts.Add());
}

std::vector<int> TokensOf(const v1::Prompt& prompt) {
  return {prompt.tokens().ids().begin(), prompt.tokens().ids().end()};
}

std::vector<int> TokensOf(const google::protobuf::RepeatedPtrField<v1::Prompt>& prompts) {
  std::vector<int> tokens;
  for (const v1::Prompt& prompt : prompts) {
    for (const uint32_t id : prompt.tokens().ids()) tokens.push_back(static_cast<int>(id));
  }
  return tokens;
}

// Checked as if a request had brought them: the disk may have changed a byte.
absl::StatusOr<PromptPairs> StoredPairs(const v1::InlinePrompts& prompts, const ModelConfig& config) {
  const int count = prompts.clean_size();
  if (count == 0 || prompts.corrupted_size() != count || prompts.answers_size() != count) {
    return absl::DataLossError("the stored prompts are damaged");
  }
  PromptPairs pairs;
  for (int begin = 0; begin < count; begin += kMaxNumSamples) {
    PromptPairs some;
    for (int i = begin; i < std::min(count, begin + kMaxNumSamples); ++i) {
      PromptPair pair;
      pair.clean = TokensOf(prompts.clean(i));
      pair.corrupted = TokensOf(prompts.corrupted(i));
      pair.correct = TokensOf(prompts.answers(i).correct());
      pair.incorrect = TokensOf(prompts.answers(i).incorrect());
      some.push_back(std::move(pair));
    }
    if (const absl::Status status = ValidatePairs(config, some, PairNeeds{}, "stored"); !status.ok()) {
      return absl::DataLossError(absl::StrCat("the stored prompts are damaged: ", status.message()));
    }
    pairs.insert(pairs.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return pairs;
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

storage::v1::JobInput InputOf(const NodePruningPlan& plan) {
  storage::v1::JobInput input;
  *input.mutable_node_pruning() = SpecOf(plan);
  input.set_model_sha256(plan.model_sha256);
  input.set_data_type(ToProto(plan.model->dtype()));
  input.set_micro_batch_prompts(plan.options.micro_batch_prompts.value_or(0));
  return input;
}

}  // namespace

StoredPlan StorePlan(const NodePruningPlan& plan) {
  storage::v1::JobInput input = InputOf(plan);
  StoredPlan stored;
  stored.input = input.SerializeAsString();
  // What is the same under another name has the same result, and micro-batches only show in the last digits. Of another
  // device's rounding that holds too, but who asks for it wants to see it.
  input.mutable_node_pruning()->clear_model();
  input.clear_micro_batch_prompts();
  stored.result_key =
      Sha256Hex(absl::StrCat("node_pruning ", kVersion, " ", plan.model->device(), "\n", StableBytes(input)));
  return stored;
}

absl::StatusOr<std::shared_ptr<const NodePruningPlan>> RestorePlan(const ServerParts& parts,
                                                                   const storage::v1::JobInput& input,
                                                                   const v1::NodePruningSpec& spec,
                                                                   std::shared_ptr<const Model> model,
                                                                   const std::string& sha256) {
  if (sha256 != input.model_sha256()) {
    return absl::FailedPreconditionError(absl::StrCat("model ", input.node_pruning().model(),
                                                      " is not what it was when the job was submitted: its sha256 is ",
                                                      sha256, ", it was ", input.model_sha256()));
  }
  ASSIGN_OR_RETURN(PromptPairs pairs, StoredPairs(input.node_pruning().prompts().inline_(), model->config()));
  auto made = MakePlan(parts, input.node_pruning(), std::move(model), sha256, std::move(pairs));
  if (!made.ok()) return absl::DataLossError(absl::StrCat("the stored spec is damaged: ", made.status().message()));
  std::shared_ptr<NodePruningPlan> plan = *std::move(made);
  plan->prompts_json = PromptsJson(spec.prompts(), plan->pairs.size());
  if (input.micro_batch_prompts() > 0) {
    plan->options.micro_batch_prompts = static_cast<int64_t>(input.micro_batch_prompts());
  }
  return plan;
}

}  // namespace circuitd
