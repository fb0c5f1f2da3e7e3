#include "server/service/job_spec_parts.h"

#include <functional>
#include <type_traits>

#include "server/service/prompts.h"

namespace circuitd {
namespace {

// `part` is const where the message that it is of is.
template <typename Message, typename Part>
using LikeOf = std::conditional_t<std::is_const_v<Message>, const Part, Part>;

template <typename Spec>
LikeOf<Spec, v1::PromptSource>* Prompts(Spec& spec) {
  if constexpr (std::is_const_v<Spec>) {
    return &spec.prompts();
  } else {
    return spec.mutable_prompts();
  }
}

template <typename Spec>
LikeOf<Spec, v1::CircuitSource>* CircuitAt(Spec& spec, int i) {
  if constexpr (std::is_const_v<Spec>) {
    return &spec.circuits(i);
  } else {
    return spec.mutable_circuits(i);
  }
}

template <typename Spec>
auto* TaskAt(Spec& spec, int i) {
  if constexpr (std::is_const_v<Spec>) {
    return &spec.tasks(i);
  } else {
    return spec.mutable_tasks(i);
  }
}

// What `visit` makes of the spec of the kind that the job has; of none, of an empty one of some kind.
template <typename Visit>
auto VisitKind(const v1::JobSpec& spec, const Visit& visit) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kEdgePruning:
      return visit(spec.edge_pruning());
    case v1::JobSpec::kAcdc:
      return visit(spec.acdc());
    case v1::JobSpec::kEdgeAttribution:
      return visit(spec.edge_attribution());
    case v1::JobSpec::kEvaluation:
      return visit(spec.evaluation());
    default:
      return visit(spec.node_pruning());
  }
}

template <typename Visit>
auto VisitKind(v1::JobSpec& spec, const Visit& visit) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kEdgePruning:
      return visit(*spec.mutable_edge_pruning());
    case v1::JobSpec::kAcdc:
      return visit(*spec.mutable_acdc());
    case v1::JobSpec::kEdgeAttribution:
      return visit(*spec.mutable_edge_attribution());
    case v1::JobSpec::kEvaluation:
      return visit(*spec.mutable_evaluation());
    default:
      return visit(*spec.mutable_node_pruning());
  }
}

template <typename Job>
std::vector<SpecPart<LikeOf<Job, v1::PromptSource>>> AllPrompts(Job& job) {
  return VisitKind(job, [](auto& spec) {
    using Spec = std::remove_reference_t<decltype(spec)>;
    std::vector<SpecPart<LikeOf<Job, v1::PromptSource>>> parts;
    if constexpr (std::is_same_v<std::remove_const_t<Spec>, v1::EvaluationSpec>) {
      for (int i = 0; i < spec.tasks_size(); ++i) {
        parts.push_back({FieldAt("tasks", i) + ".prompts", Prompts(*TaskAt(spec, i))});
      }
    } else {
      parts.push_back({"prompts", Prompts(spec)});
    }
    return parts;
  });
}

template <typename Job>
std::vector<SpecPart<LikeOf<Job, v1::CircuitSource>>> AllCircuits(Job& job) {
  return VisitKind(job, [](auto& spec) {
    using Spec = std::remove_reference_t<decltype(spec)>;
    std::vector<SpecPart<LikeOf<Job, v1::CircuitSource>>> parts;
    if constexpr (std::is_same_v<std::remove_const_t<Spec>, v1::EvaluationSpec>) {
      for (int i = 0; i < spec.circuits_size(); ++i) parts.push_back({FieldAt("circuits", i), CircuitAt(spec, i)});
    } else if constexpr (std::is_same_v<Spec, const v1::EdgePruningSpec>) {
      parts.push_back({"circuit", &spec.circuit()});
    } else if constexpr (std::is_same_v<Spec, v1::EdgePruningSpec>) {
      parts.push_back({"circuit", spec.mutable_circuit()});
    }
    return parts;
  });
}

}  // namespace

std::string KindName(const v1::JobSpec& spec) {
  const auto* kinds = v1::JobSpec::descriptor()->FindOneofByName("kind");
  const auto* kind = v1::JobSpec::GetReflection()->GetOneofFieldDescriptor(spec, kinds);
  return kind == nullptr ? "" : kind->name();
}

std::vector<SpecPart<const v1::PromptSource>> PromptsOf(const v1::JobSpec& spec) { return AllPrompts(spec); }

std::vector<SpecPart<v1::PromptSource>> MutablePromptsOf(v1::JobSpec& spec) { return AllPrompts(spec); }

std::vector<SpecPart<const v1::CircuitSource>> CircuitsOf(const v1::JobSpec& spec) { return AllCircuits(spec); }

std::vector<SpecPart<v1::CircuitSource>> MutableCircuitsOf(v1::JobSpec& spec) { return AllCircuits(spec); }

const std::string& ModelNameOf(const v1::JobSpec& spec) {
  return VisitKind(spec, [](const auto& kind) -> std::reference_wrapper<const std::string> { return kind.model(); });
}

void SetModelName(const std::string& name, v1::JobSpec& spec) {
  VisitKind(spec, [&](auto& kind) { kind.set_model(name); });
}

void StoreKind(const v1::JobSpec& spec, storage::v1::JobInput& input) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      *input.mutable_node_pruning() = spec.node_pruning();
      break;
    case v1::JobSpec::kEdgePruning:
      *input.mutable_edge_pruning() = spec.edge_pruning();
      break;
    case v1::JobSpec::kAcdc:
      *input.mutable_acdc() = spec.acdc();
      break;
    case v1::JobSpec::kEdgeAttribution:
      *input.mutable_edge_attribution() = spec.edge_attribution();
      break;
    case v1::JobSpec::kEvaluation:
      *input.mutable_evaluation() = spec.evaluation();
      break;
    case v1::JobSpec::KIND_NOT_SET:
      input.clear_spec();
      break;
  }
}

v1::JobSpec StoredKind(const storage::v1::JobInput& input) {
  using Input = storage::v1::JobInput;
  v1::JobSpec spec;
  switch (input.spec_case()) {
    case Input::kNodePruning:
      *spec.mutable_node_pruning() = input.node_pruning();
      break;
    case Input::kEdgePruning:
      *spec.mutable_edge_pruning() = input.edge_pruning();
      break;
    case Input::kAcdc:
      *spec.mutable_acdc() = input.acdc();
      break;
    case Input::kEdgeAttribution:
      *spec.mutable_edge_attribution() = input.edge_attribution();
      break;
    case Input::kEvaluation:
      *spec.mutable_evaluation() = input.evaluation();
      break;
    case Input::SPEC_NOT_SET:
      break;
  }
  return spec;
}

}  // namespace circuitd
