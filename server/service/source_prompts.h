// The prompts of calls that read them from a source: validated, tokenized, within the limits of one request.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/position_selector.h"
#include "server/model/prompt_pair.h"
#include "server/service/call_control.h"
#include "server/service/call_pipeline.h"
#include "server/service/prompt_sources.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Of a request's field "prompts", which errors name.
absl::StatusOr<PromptPairs> MakeSourcePrompts(const ServerParts& parts, const v1::PromptSource& source,
                                              const Model& model, const std::shared_ptr<CallControl>& control,
                                              PairNeeds needs);

// The route of a call with such a field.
struct RouteByPrompts {
  template <typename Request>
  CallRoute operator()(const Request& request) const {
    return {.slow_to_prepare = IsSlowToMake(request.prompts())};
  }
};

// Of patching with a metric.
PairNeeds NeedsOf(Metric metric);

// The clean prompts by themselves, as readings take them.
struct CleanPrompts {
  std::vector<std::vector<int>> prompts;
  std::vector<PromptRoles> roles;
  std::vector<Answer> answers;  // none if the pairs have none
};
CleanPrompts TakeClean(PromptPairs pairs);

}  // namespace circuitd
