#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/index_validation.h"
#include "server/model/prompt_length.h"
#include "server/patching/pair_validation.h"
#include "server/patching/patching_sweep.h"
#include "server/patching/sweep_grids.h"

namespace circuitd {
namespace {

bool CanBeSwept(HookKind kind) {
  return std::find(std::begin(kSweptHooks), std::end(kSweptHooks), kind) != std::end(kSweptHooks);
}

absl::Status ValidateHooks(const std::vector<HookKind>& hooks) {
  if (hooks.empty()) return InvalidField("hooks", "none, at least 1 is needed");
  std::set<HookKind> seen;
  for (size_t i = 0; i < hooks.size(); ++i) {
    const std::string field = absl::StrCat("hooks[", i, "]");
    if (!CanBeSwept(hooks[i])) {
      return InvalidField(field, absl::StrCat("'", HookKindName(hooks[i]),
                                              "' can't be swept; hook_resid_pre, hook_attn_out, hook_mlp_out, "
                                              "attn.hook_z, attn.hook_q, attn.hook_k, attn.hook_v and "
                                              "attn.hook_pattern can"));
    }
    if (!seen.insert(hooks[i]).second) {
      return InvalidField(field, absl::StrCat("'", HookKindName(hooks[i]), "' is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidatePositions(const SweepRequest& request) {
  if (request.positions.empty()) return absl::OkStatus();
  bool any_positions = false;
  for (const HookKind hook : request.hooks) any_positions = any_positions || !ColumnsAreHeads(hook);
  if (!any_positions) return InvalidField("positions", "all hooks have heads as columns");
  const size_t longest = LongestPrompt(request.pairs, &PromptPair::clean);
  std::set<int> seen;
  for (size_t i = 0; i < request.positions.size(); ++i) {
    const int position = request.positions[i];
    const std::string field = absl::StrCat("positions[", i, "]");
    if (!ColumnPosition(position, longest)) {
      return InvalidField(field, absl::StrCat(position, ", the longest prompt has ", longest, " tokens (-", longest,
                                              " to ", longest - 1, ")"));
    }
    if (!seen.insert(position).second) return InvalidField(field, absl::StrCat(position, " is there twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateSweep(const ModelConfig& config, const SweepRequest& request) {
  RETURN_IF_ERROR(ValidateHooks(request.hooks));
  RETURN_IF_ERROR(ValidatePairs(config, request.pairs, request.metric));
  RETURN_IF_ERROR(ValidateIndices("layers", request.layers, config.n_layers));
  RETURN_IF_ERROR(ValidatePositions(request));
  return ValidateValueCount("hooks", SweepRuns(config, request), request.pairs);
}

uint64_t SweepRuns(const ModelConfig& config, const SweepRequest& request) {
  const uint64_t layers = request.layers.empty() ? config.n_layers : request.layers.size();
  const uint64_t positions =
      request.positions.empty() ? LongestPrompt(request.pairs, &PromptPair::clean) : request.positions.size();
  uint64_t runs = 0;
  for (const HookKind hook : request.hooks) runs += layers * (ColumnsAreHeads(hook) ? config.n_heads : positions);
  return runs;
}

}  // namespace circuitd
