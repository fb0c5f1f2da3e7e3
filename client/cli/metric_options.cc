#include "client/cli/metric_options.h"

#include <map>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "circuitd/v1/inference.pb.h"
#include "client/cli/choice_option.h"
#include "client/cli/command.h"
#include "client/cli/prompt_options.h"

namespace circuitd::client {

std::string MetricName(v1::Metric metric) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::Metric_Name(metric), "METRIC_"));
}

void AddMetricOption(CLI::App& app, v1::Metric& metric, const std::string& default_text) {
  std::map<std::string, v1::Metric> metrics;
  for (int value = v1::Metric_MIN; value <= v1::Metric_MAX; ++value) {
    const auto each = static_cast<v1::Metric>(value);
    if (v1::Metric_IsValid(value) && each != v1::METRIC_UNSPECIFIED) metrics[MetricName(each)] = each;
  }
  AddChoiceOption(app, "--metric", metric, metrics,
                  absl::StrCat("logit_diff, prob_diff, kl_div, nll, rank or accuracy (default: ", default_text, ")"),
                  "METRIC");
}

void AnswerOptions::AddTo(CLI::App& app) {
  correct_ = AddRawOption(
      app, "--correct",
      "The right next token, with its space: ' 5'. A JSON array gives several: '[\" 51\", \" 52\"]'. Once, or once for "
      "each prompt");
  incorrect_ = AddRawOption(app, "--incorrect", "The wrong next token, likewise");
}

bool AnswerOptions::given() const { return !correct_->results().empty() || !incorrect_->results().empty(); }

absl::StatusOr<google::protobuf::RepeatedPtrField<v1::Answer>> AnswerOptions::Read(size_t prompts) const {
  google::protobuf::RepeatedPtrField<v1::Answer> answers;
  if (!given()) return answers;
  const CLI::results_t& correct = correct_->results();
  const CLI::results_t& incorrect = incorrect_->results();
  for (const auto* side : {&correct, &incorrect}) {
    if (side->size() > 1 && side->size() != prompts) {
      return absl::InvalidArgumentError(absl::StrCat(side == &correct ? "--correct" : "--incorrect", ": ", side->size(),
                                                     " values for ", prompts, " prompts: give one, or one for each"));
    }
  }
  const auto value = [](const CLI::results_t& side, size_t i) -> const std::string& {
    return side[side.size() == 1 ? 0 : i];
  };
  for (size_t i = 0; i < prompts; ++i) {
    v1::Answer* answer = answers.Add();
    if (!correct.empty()) *answer->mutable_correct() = ParseAnswer(value(correct, i));
    if (!incorrect.empty()) *answer->mutable_incorrect() = ParseAnswer(value(incorrect, i));
  }
  return answers;
}

void MetricOptions::AddTo(CLI::App& app) {
  AddMetricOption(app, metric_, "logit_diff if there are answers, else none");
  answers_.AddTo(app);
  app.add_flag("--first-token", first_token_, "Use only the first token of a longer answer");
}

template <typename Request>
absl::Status MetricOptions::ApplyTo(Request& request) const {
  ASSIGN_OR_RETURN(*request.mutable_answers(), answers_.Read(static_cast<size_t>(request.prompts_size())));
  request.set_metric(metric_);
  if (metric_ == v1::METRIC_UNSPECIFIED && request.answers_size() > 0) request.set_metric(v1::METRIC_LOGIT_DIFF);
  if (first_token_) request.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  return absl::OkStatus();
}

template absl::Status MetricOptions::ApplyTo(v1::ForwardRequest& request) const;
template absl::Status MetricOptions::ApplyTo(v1::RunPatchedRequest& request) const;

}  // namespace circuitd::client
