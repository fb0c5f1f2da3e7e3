#include "server/service/convert_interventions.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/hook_point.h"
#include "server/service/convert.h"
#include "server/service/convert_prompts.h"

namespace circuitd {
namespace {

// [prompts, heads, queries, keys] has four.
constexpr int kMaxAxes = 8;

// The product of the extents.
absl::StatusOr<int64_t> CountElements(const google::protobuf::RepeatedField<int64_t>& shape, absl::string_view field) {
  // Of more than any request carries; times an element's size it is still a number.
  constexpr int64_t kMost = int64_t{1} << 48;
  int64_t count = 1;
  for (int i = 0; i < shape.size(); ++i) {
    const int64_t extent = shape[i];
    if (extent < 1) return InvalidField(FieldAt(field, i), absl::StrCat(extent, ", must be at least 1"));
    if (extent > kMost / count) return InvalidField(field, absl::StrCat("over ", kMost, " elements"));
    count *= extent;
  }
  return count;
}

absl::Status ConvertAction(const v1::Intervention& proto, Intervention& intervention) {
  switch (proto.action_case()) {
    case v1::Intervention::kAblation: {
      ASSIGN_OR_RETURN(intervention.action, FromProto(proto.ablation(), "ablation"));
      return absl::OkStatus();
    }
    case v1::Intervention::kSet: {
      ASSIGN_OR_RETURN(HostTensor value, ConvertTensor(proto.set(), "set"));
      intervention.action = SetTo{std::move(value)};
      return absl::OkStatus();
    }
    case v1::Intervention::kAdd: {
      ASSIGN_OR_RETURN(HostTensor vector, ConvertTensor(proto.add().vector(), "add.vector"));
      intervention.action = AddVector{std::move(vector), proto.add().coefficient()};
      return absl::OkStatus();
    }
    case v1::Intervention::kScale:
      intervention.action = ScaleBy{proto.scale()};
      return absl::OkStatus();
    case v1::Intervention::kNoise:
      intervention.action = AddNoise{proto.noise().standard_deviation(), proto.noise().seed()};
      return absl::OkStatus();
    case v1::Intervention::ACTION_NOT_SET:
      break;
  }
  return InvalidField("action", "one of ablation, set, add, scale and noise must be set");
}

absl::StatusOr<Intervention> ConvertIntervention(const v1::Intervention& proto, const Model& model,
                                                 const PromptLimits& limits) {
  if (proto.hook().empty()) return InvalidField("hook", "must be set");
  const absl::StatusOr<HookPoint> hook = ParseHookPoint(proto.hook(), model.config().n_layers);
  if (!hook.ok()) return FieldOf(hook.status()) ? hook.status() : WithFieldPrefix("hook", hook.status());
  Intervention intervention;
  intervention.hook = *hook;
  intervention.heads = ConvertNumbers(proto.heads());
  ASSIGN_OR_RETURN(intervention.positions, ConvertSelector(proto.positions(), "positions", model, limits));
  ASSIGN_OR_RETURN(intervention.key_positions, ConvertSelector(proto.key_positions(), "key_positions", model, limits));
  RETURN_IF_ERROR(ConvertAction(proto, intervention));
  return intervention;
}

}  // namespace

absl::StatusOr<HostTensor> ConvertTensor(const v1::Tensor& proto, absl::string_view field) {
  const std::string shape_field = absl::StrCat(field, ".shape");
  ASSIGN_OR_RETURN(const std::optional<DType> dtype, FromProto(proto.data_type(), absl::StrCat(field, ".data_type")));
  if (!dtype) return InvalidField(absl::StrCat(field, ".data_type"), "must be set");
  if (proto.shape_size() > kMaxAxes) {
    return InvalidField(shape_field, absl::StrCat(proto.shape_size(), " axes, must be at most ", kMaxAxes));
  }
  const auto bytes = static_cast<int64_t>(proto.data().size());
  ASSIGN_OR_RETURN(const int64_t count, CountElements(proto.shape(), shape_field));
  if (count * DTypeSize(*dtype) != bytes) {
    return InvalidField(absl::StrCat(field, ".data"),
                        absl::StrCat(bytes, " bytes, the shape's ", count, " elements of ", DTypeName(*dtype), " have ",
                                     count * DTypeSize(*dtype)));
  }
  return HostTensor{*dtype, {proto.shape().begin(), proto.shape().end()}, proto.data()};
}

absl::StatusOr<std::vector<Intervention>> ConvertInterventions(
    const google::protobuf::RepeatedPtrField<v1::Intervention>& protos, const Model& model,
    const PromptLimits& limits) {
  if (protos.size() > static_cast<int>(kMaxInterventions)) {
    return InvalidField("interventions", absl::StrCat(protos.size(), ", must be at most ", kMaxInterventions));
  }
  std::vector<Intervention> interventions;
  for (int i = 0; i < protos.size(); ++i) {
    if (limits.checkpoint) RETURN_IF_ERROR(limits.checkpoint());
    absl::StatusOr<Intervention> intervention = ConvertIntervention(protos[i], model, limits);
    if (!intervention.ok()) return WithFieldPrefix(FieldAt("interventions", i), intervention.status());
    interventions.push_back(*std::move(intervention));
  }
  return interventions;
}

}  // namespace circuitd
