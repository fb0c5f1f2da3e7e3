#include "server/service/convert_patching.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/service/convert.h"
#include "server/service/convert_graph.h"
#include "server/service/convert_prompts.h"
#include "server/service/enum_value.h"

namespace circuitd {
namespace {

// Longer lists have something twice.
absl::Status CheckLength(int length, int64_t most, absl::string_view field) {
  if (length <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(length, ", must be at most ", most));
}

absl::StatusOr<HookKind> SweptHook(const std::string& name, absl::string_view field) {
  std::vector<std::string> names;
  for (const HookKind hook : kSweptHooks) {
    names.push_back(HookKindName(hook));
    if (names.back() == name) return hook;
  }
  return InvalidField(field, absl::StrCat(QuoteName(name), ", must be one of ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<PatchingDirection> FromProto(v1::PatchingDirection direction) {
  switch (direction) {
    case v1::PATCHING_DIRECTION_UNSPECIFIED:
    case v1::PATCHING_DIRECTION_DENOISING:
      return PatchingDirection::kDenoising;
    case v1::PATCHING_DIRECTION_NOISING:
      return PatchingDirection::kNoising;
    default:
      return NotAValue(direction, "direction");
  }
}

absl::StatusOr<Metric> PatchingMetric(v1::Metric metric) {
  ASSIGN_OR_RETURN(const std::optional<Metric> given, circuitd::FromProto(metric, "metric"));
  return given.value_or(Metric::kLogitDiff);
}

}  // namespace

absl::StatusOr<PathFreeze> FromProto(v1::PathFreeze freeze, absl::string_view field) {
  switch (freeze) {
    case v1::PATH_FREEZE_UNSPECIFIED:
    case v1::PATH_FREEZE_ALL:
      return PathFreeze::kAll;
    case v1::PATH_FREEZE_HEADS:
      return PathFreeze::kHeads;
    default:
      return NotAValue(freeze, field);
  }
}

absl::StatusOr<SweepRequest> ConvertSweep(const v1::RunSweepRequest& proto, const ModelConfig& config) {
  SweepRequest request;
  RETURN_IF_ERROR(CheckLength(proto.hooks_size(), std::size(kSweptHooks), "hooks"));
  for (int i = 0; i < proto.hooks_size(); ++i) {
    ASSIGN_OR_RETURN(const HookKind hook, SweptHook(proto.hooks(i), FieldAt("hooks", i)));
    request.hooks.push_back(hook);
  }
  ASSIGN_OR_RETURN(request.direction, FromProto(proto.direction()));
  ASSIGN_OR_RETURN(request.metric, PatchingMetric(proto.metric()));
  RETURN_IF_ERROR(CheckLength(proto.layers_size(), config.n_layers, "layers"));
  request.layers = ConvertNumbers(proto.layers());
  RETURN_IF_ERROR(CheckLength(proto.positions_size(), int64_t{2} * config.n_ctx, "positions"));
  request.positions.assign(proto.positions().begin(), proto.positions().end());
  return request;
}

absl::StatusOr<PathPatchingRequest> ConvertPathPatching(const v1::RunPathPatchingRequest& proto,
                                                        const ModelConfig& config) {
  const int64_t heads = int64_t{config.n_layers} * config.n_heads;
  RETURN_IF_ERROR(CheckLength(proto.senders_size(), heads + config.n_layers + 1, "senders"));
  RETURN_IF_ERROR(CheckLength(proto.receivers_size(), 3 * heads + config.n_layers + 1, "receivers"));
  PathPatchingRequest request;
  ASSIGN_OR_RETURN(request.senders, FromProto(proto.senders(), "senders"));
  ASSIGN_OR_RETURN(request.receivers, FromProto(proto.receivers(), "receivers"));
  ASSIGN_OR_RETURN(request.freeze, FromProto(proto.freeze(), "freeze"));
  request.senders_together = proto.senders_together();
  ASSIGN_OR_RETURN(request.metric, PatchingMetric(proto.metric()));
  return request;
}

v1::SweepGrid ToProto(const SweepGrid& grid) {
  v1::SweepGrid proto;
  proto.set_hook(HookKindName(grid.hook));
  proto.mutable_layers()->Add(grid.layers.begin(), grid.layers.end());
  proto.mutable_columns()->Add(grid.columns.begin(), grid.columns.end());
  proto.set_columns_are_heads(AxesOf(grid.hook) != HookAxes::kPos);
  return proto;
}

v1::Path ToProto(const PathEffect& path) {
  v1::Path proto;
  if (path.sender) *proto.mutable_sender() = ToProto(*path.sender);
  *proto.mutable_receiver() = ToProto(path.receiver);
  return proto;
}

}  // namespace circuitd
