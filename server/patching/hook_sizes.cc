#include "server/patching/hook_sizes.h"

namespace circuitd {

int64_t ElementsPerToken(const ModelConfig& config, HookKind kind, int64_t pos) {
  switch (AxesOf(kind)) {
    case HookAxes::kPos:
      return WidthOf(kind, config);
    case HookAxes::kPosHeads:
      return int64_t{config.n_heads} * WidthOf(kind, config);
    case HookAxes::kHeadsQueryKey:
      return config.n_heads * pos;
  }
  return 0;
}

}  // namespace circuitd
