#include "server/service/convert_runs.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/service/convert_interventions.h"
#include "server/service/convert_prompts.h"

namespace circuitd {
namespace {

constexpr uint32_t kMaxTopK = 1000;
// More than the hook points of the largest GPT-2, each by its name.
constexpr int kMaxHookPatterns = 2048;

// Those that one of the patterns matches, in forward order, each once.
absl::StatusOr<std::vector<HookPoint>> MatchAll(const google::protobuf::RepeatedPtrField<std::string>& patterns,
                                                int n_layers) {
  if (patterns.empty()) return std::vector<HookPoint>();
  if (patterns.size() > kMaxHookPatterns) {
    return InvalidField("hooks", absl::StrCat(patterns.size(), ", must be at most ", kMaxHookPatterns));
  }
  ASSIGN_OR_RETURN(std::vector<HookPoint> all, MatchHookPoints("*", n_layers));
  std::vector<bool> wanted(all.size());
  for (int i = 0; i < patterns.size(); ++i) {
    const std::string field = FieldAt("hooks", i);
    const absl::StatusOr<std::vector<HookPoint>> matches = MatchHookPoints(patterns[i], n_layers);
    if (!matches.ok()) return InvalidField(field, matches.status().message());
    // Both are in forward order.
    size_t at = 0;
    for (const HookPoint point : *matches) {
      while (!(all[at] == point)) ++at;
      wanted[at] = true;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (wanted[i]) all[kept++] = all[i];
  }
  all.resize(kept);
  return all;
}

}  // namespace

absl::StatusOr<int> ConvertTopK(uint32_t top_k, absl::string_view field, const ModelConfig& config, int if_zero) {
  if (top_k > kMaxTopK) {
    const std::string zero = if_zero == 0 ? "" : absl::StrCat(" (0: ", if_zero, ")");
    return InvalidField(field, absl::StrCat(top_k, ", must be 0-", kMaxTopK, zero));
  }
  return std::min(top_k == 0 ? if_zero : static_cast<int>(top_k), config.d_vocab);
}

absl::StatusOr<LogitsSelection> ConvertSelection(const v1::LogitsSelection& proto, const Model& model,
                                                 const PromptLimits& limits) {
  LogitsSelection selection;
  ASSIGN_OR_RETURN(selection.top_k, ConvertTopK(proto.top_k(), "logits.top_k", model.config()));
  ASSIGN_OR_RETURN(selection.chosen_tokens,
                   ConvertTokens(proto.chosen_tokens(), "logits.chosen_tokens", model, limits));
  ASSIGN_OR_RETURN(selection.full_logits, FromProto(proto.full_logits(), "logits.full_logits"));
  return selection;
}

absl::StatusOr<CaptureSelection> ConvertCapture(const v1::ActivationCapture& proto, const Model& model,
                                                const PromptLimits& limits) {
  CaptureSelection capture;
  absl::StatusOr<std::vector<HookPoint>> hooks = MatchAll(proto.hooks(), model.config().n_layers);
  if (!hooks.ok()) return WithFieldPrefix("capture", hooks.status());
  capture.hooks = *std::move(hooks);
  capture.heads = ConvertNumbers(proto.heads());
  ASSIGN_OR_RETURN(capture.positions, ConvertSelector(proto.positions(), "capture.positions", model, limits));
  return capture;
}

absl::StatusOr<ForwardRequest> ConvertForward(const v1::ForwardRequest& proto, const Model& model,
                                              const PromptLimits& limits) {
  ForwardRequest request;
  ASSIGN_OR_RETURN(request.prompts, TokenizePrompts(proto.prompts(), "prompts", model, limits));
  ASSIGN_OR_RETURN(request.roles, ConvertRoles(proto.prompts(), "prompts", request.prompts));
  ASSIGN_OR_RETURN(request.logits, ConvertSelection(proto.logits(), model, limits));
  ASSIGN_OR_RETURN(request.capture, ConvertCapture(proto.capture(), model, limits));
  ASSIGN_OR_RETURN(request.metric, FromProto(proto.metric(), "metric"));
  ASSIGN_OR_RETURN(const MultiTokenAnswers several, FromProto(proto.multi_token_answers(), "multi_token_answers"));
  ASSIGN_OR_RETURN(request.answers, ConvertAnswers(proto.answers(), "answers", model, several, limits));
  return request;
}

absl::StatusOr<PatchedRunRequest> ConvertPatchedRun(const v1::RunPatchedRequest& proto, const Model& model,
                                                    const PromptLimits& limits) {
  PatchedRunRequest request;
  ASSIGN_OR_RETURN(request.prompts, TokenizePrompts(proto.prompts(), "prompts", model, limits));
  ASSIGN_OR_RETURN(request.roles, ConvertRoles(proto.prompts(), "prompts", request.prompts));
  ASSIGN_OR_RETURN(request.source_prompts, TokenizePrompts(proto.source_prompts(), "source_prompts", model, limits));
  ASSIGN_OR_RETURN(request.interventions, ConvertInterventions(proto.interventions(), model, limits));
  ASSIGN_OR_RETURN(request.logits, ConvertSelection(proto.logits(), model, limits));
  ASSIGN_OR_RETURN(request.capture, ConvertCapture(proto.capture(), model, limits));
  ASSIGN_OR_RETURN(request.metric, FromProto(proto.metric(), "metric"));
  ASSIGN_OR_RETURN(const MultiTokenAnswers several, FromProto(proto.multi_token_answers(), "multi_token_answers"));
  ASSIGN_OR_RETURN(request.answers, ConvertAnswers(proto.answers(), "answers", model, several, limits));
  return request;
}

v1::TokenLogit ToProto(const TokenLogit& logit, const Model& model) {
  v1::TokenLogit proto;
  *proto.mutable_token() = ToProto(logit.token, model);
  proto.set_logit(logit.logit);
  proto.set_log_prob(logit.log_prob);
  return proto;
}

v1::PromptLogits ToProto(const PromptLogits& logits, size_t token_count, const Model& model) {
  v1::PromptLogits proto;
  proto.set_token_count(static_cast<uint32_t>(token_count));
  for (const TokenLogit& logit : logits.top) *proto.add_top() = ToProto(logit, model);
  for (const TokenLogit& logit : logits.chosen) *proto.add_chosen() = ToProto(logit, model);
  return proto;
}

v1::MetricValue ToMetricValue(const std::vector<double>& per_prompt) {
  v1::MetricValue proto;
  proto.set_mean(std::accumulate(per_prompt.begin(), per_prompt.end(), 0.0) / static_cast<double>(per_prompt.size()));
  proto.mutable_per_prompt()->Add(per_prompt.begin(), per_prompt.end());
  return proto;
}

}  // namespace circuitd
