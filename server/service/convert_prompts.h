// What requests say about prompts: the names of positions, selectors of positions, answers.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/metric.h"
#include "server/model/position_selector.h"
#include "server/service/prompts.h"

namespace circuitd {

// Of one request: chosen tokens, tokens of a selector, members of a sequence.
inline constexpr int kMaxChosenTokens = 1000;

// Errors of all of these are INVALID_ARGUMENT and name the field, from `field` on: "prompts[3].roles["x"]".

// The names that a prompt of `token_count` tokens gives to its positions.
absl::StatusOr<PromptRoles> ConvertRoles(const v1::Prompt& prompt, absl::string_view field, size_t token_count);

// Of prompts that have been tokenized to `tokens`. Empty if none of them has any.
absl::StatusOr<std::vector<PromptRoles>> ConvertRoles(const PromptList& prompts, absl::string_view field,
                                                      const std::vector<std::vector<int>>& tokens);

// Whether the prompts have what it selects is for others to check.
absl::StatusOr<PositionSelector> ConvertSelector(const v1::PositionSelector& proto, absl::string_view field,
                                                 const Model& model, const PromptLimits& limits);

// Each token of a list once.
absl::StatusOr<Answer> ConvertAnswer(const v1::Answer& proto, absl::string_view field, const Model& model,
                                     MultiTokenAnswers several, const PromptLimits& limits);
// At most one for each prompt that the limits allow.
absl::StatusOr<std::vector<Answer>> ConvertAnswers(const google::protobuf::RepeatedPtrField<v1::Answer>& protos,
                                                   absl::string_view field, const Model& model,
                                                   MultiTokenAnswers several, const PromptLimits& limits);

// At most kMaxChosenTokens, each one token.
absl::StatusOr<std::vector<int>> ConvertTokens(const PromptList& prompts, absl::string_view field, const Model& model,
                                               const PromptLimits& limits);

// As ints: one that is over INT_MAX becomes INT_MAX, which is out of every range.
std::vector<int> ConvertNumbers(const google::protobuf::RepeatedField<uint32_t>& numbers);

}  // namespace circuitd
