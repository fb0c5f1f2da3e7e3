#include "server/service/convert_readings.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/position_selector.h"
#include "server/service/convert_prompts.h"
#include "server/service/convert_runs.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

constexpr int kDefaultTopK = 5;

// The members of the task that makes the prompts, each one token; none if it has no sequence.
absl::StatusOr<std::vector<int>> SequenceOf(const v1::PromptSource& source, const Model& model) {
  std::vector<int> members;
  const TaskDescription* task = source.has_task() ? FindTask(source.task().task()) : nullptr;
  if (task == nullptr || model.tokenizer() == nullptr) return members;
  for (const std::string& member : task->sequence) {
    ASSIGN_OR_RETURN(const std::vector<int> tokens, model.tokenizer()->Encode(member));
    if (tokens.size() != 1) {
      return FieldError(
          absl::StatusCode::kFailedPrecondition, "sequence",
          absl::StrCat("unset, and the task's member \"", member, "\" has ", tokens.size(), " tokens for this model"));
    }
    members.push_back(tokens.front());
  }
  return members;
}

// What both requests have.
template <typename Request>
absl::StatusOr<HeadCircuitRequest> ConvertHeadCircuit(const Request& proto, CleanPrompts prompts, const Model& model,
                                                      const PromptLimits& limits) {
  HeadCircuitRequest request;
  request.prompts = std::move(prompts.prompts);
  request.roles = std::move(prompts.roles);
  ASSIGN_OR_RETURN(request.positions, ConvertSelector(proto.positions(), "positions", model, limits));
  if (proto.sequence().empty()) {
    ASSIGN_OR_RETURN(request.sequence, SequenceOf(proto.prompts(), model));
  } else {
    ASSIGN_OR_RETURN(request.sequence, ConvertTokens(proto.sequence(), "sequence", model, limits));
  }
  return request;
}

v1::ComponentKind ToProto(Component::Kind kind) {
  switch (kind) {
    case Component::Kind::kEmbed:
      return v1::COMPONENT_KIND_EMBED;
    case Component::Kind::kPosEmbed:
      return v1::COMPONENT_KIND_POS_EMBED;
    case Component::Kind::kHead:
      return v1::COMPONENT_KIND_HEAD;
    case Component::Kind::kAttentionBias:
      return v1::COMPONENT_KIND_ATTENTION_BIAS;
    case Component::Kind::kMlp:
      return v1::COMPONENT_KIND_MLP;
    case Component::Kind::kLnFinalBias:
      return v1::COMPONENT_KIND_LN_FINAL_BIAS;
  }
  return v1::COMPONENT_KIND_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<LogitLensRequest> ConvertLogitLens(const v1::RunLogitLensRequest& proto, CleanPrompts prompts,
                                                  const Model& model, const PromptLimits& limits) {
  LogitLensRequest request;
  request.prompts = std::move(prompts.prompts);
  request.roles = std::move(prompts.roles);
  request.answers = std::move(prompts.answers);
  if (proto.has_positions()) {
    ASSIGN_OR_RETURN(request.positions, ConvertSelector(proto.positions(), "positions", model, limits));
  }
  request.skip_ln_final = proto.skip_ln_final();
  ASSIGN_OR_RETURN(request.top_k, ConvertTopK(proto.top_k(), "top_k", model.config()));
  ASSIGN_OR_RETURN(request.chosen_tokens, ConvertTokens(proto.chosen_tokens(), "chosen_tokens", model, limits));
  return request;
}

AttentionRequest ConvertAttention(const v1::ReadAttentionRequest& proto, CleanPrompts prompts) {
  AttentionRequest request;
  request.prompts = std::move(prompts.prompts);
  request.layers = ConvertNumbers(proto.layers());
  request.heads = ConvertNumbers(proto.heads());
  request.mean_pattern = proto.mean_pattern();
  request.patterns = proto.patterns();
  request.attn_scores = proto.attn_scores();
  return request;
}

absl::StatusOr<HeadCircuitRequest> ConvertOv(const v1::ScoreOvRequest& proto, CleanPrompts prompts, const Model& model,
                                             const PromptLimits& limits) {
  ASSIGN_OR_RETURN(HeadCircuitRequest request, ConvertHeadCircuit(proto, std::move(prompts), model, limits));
  ASSIGN_OR_RETURN(request.top_k, ConvertTopK(proto.top_k(), "top_k", model.config(), kDefaultTopK));
  return request;
}

absl::StatusOr<HeadCircuitRequest> ConvertQk(const v1::ScoreQkRequest& proto, CleanPrompts prompts, const Model& model,
                                             const PromptLimits& limits) {
  return ConvertHeadCircuit(proto, std::move(prompts), model, limits);
}

absl::Status CheckLensSize(const v1::RunLogitLensRequest& proto, const LogitLensRequest& request, const Model& model,
                           int64_t max_bytes) {
  constexpr int64_t kBytesOfPosition = 32;
  constexpr int64_t kBytesOfLayer = 8;
  constexpr int64_t kBytesOfTokenLogit = 32;
  auto positions = static_cast<int64_t>(request.prompts.size());
  if (request.positions) {
    ASSIGN_OR_RETURN(const auto selected, SelectPositionsOfAll(*request.positions, request.prompts, request.roles));
    positions = 0;
    for (const std::vector<int>& of_prompt : selected) positions += static_cast<int64_t>(of_prompt.size());
  }
  const int64_t layers = model.config().n_layers + 1;
  const int64_t values = request.top_k + static_cast<int64_t>(request.chosen_tokens.size());
  const int64_t bytes = positions * (kBytesOfPosition + layers * (kBytesOfLayer + values * kBytesOfTokenLogit));
  if (bytes <= max_bytes) return absl::OkStatus();
  return InvalidField(
      proto.has_positions() ? "positions" : "top_k",
      absl::StrCat(positions, " positions x ", layers, " layers x ", values, " tokens make a reply of up to ", bytes,
                   " bytes, max_message_bytes is ", max_bytes));
}

v1::LensPrompt ToProto(const LensPrompt& lens, const std::vector<int>& prompt, const Model& model) {
  v1::LensPrompt proto;
  for (const LensPosition& position : lens.positions) {
    v1::LensPosition& out = *proto.add_positions();
    out.set_position(position.position);
    *out.mutable_token() = ToProto(prompt[position.position], model);
    for (const PromptLogits& logits : position.layers) {
      v1::LensLayer& layer = *out.add_layers();
      for (const TokenLogit& logit : logits.top) *layer.add_top() = ToProto(logit, model);
      for (const TokenLogit& logit : logits.chosen) *layer.add_chosen() = ToProto(logit, model);
    }
  }
  if (lens.handover) proto.set_handover(*lens.handover);
  return proto;
}

v1::Component ToProto(const Component& component) {
  v1::Component proto;
  proto.set_kind(ToProto(component.kind));
  proto.set_layer(component.layer);
  proto.set_head(component.head);
  return proto;
}

}  // namespace circuitd
