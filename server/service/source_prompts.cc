#include "server/service/source_prompts.h"

#include <utility>

#include "base/status.h"
#include "server/service/server_options.h"

namespace circuitd {

absl::StatusOr<PromptPairs> MakeSourcePrompts(const ServerParts& parts, const v1::PromptSource& source,
                                              const Model& model, const std::shared_ptr<CallControl>& control,
                                              PairNeeds needs) {
  if (absl::Status status = ValidatePromptSource(source); !status.ok()) return WithFieldPrefix("prompts", status);
  return MakePromptPairs(parts.datasets, source, model, needs,
                         {parts.options.max_prompts_per_request, [control] { return control->Check(); }});
}

PairNeeds NeedsOf(Metric metric) { return {true, NeedsAnswers(metric), NeedsIncorrect(metric)}; }

CleanPrompts TakeClean(PromptPairs pairs) {
  CleanPrompts clean;
  const bool answers = !pairs.empty() && !pairs.front().correct.empty();
  for (PromptPair& pair : pairs) {
    clean.prompts.push_back(std::move(pair.clean));
    clean.roles.push_back(std::move(pair.roles));
    if (answers) clean.answers.push_back({std::move(pair.correct), std::move(pair.incorrect)});
  }
  return clean;
}

}  // namespace circuitd
