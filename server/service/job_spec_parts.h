// What the specs of all kinds of jobs have in common: a model, prompts, circuits; and where they stand.
#pragma once

#include <string>
#include <vector>

#include "circuitd/storage/v1/job_input.pb.h"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/job.pb.h"
#include "circuitd/v1/prompt.pb.h"

namespace circuitd {

// A part of a spec, and its field from the kind's spec on: "tasks[1].prompts".
template <typename Part>
struct SpecPart {
  std::string field;
  Part* part;
};

// "node_pruning", as JobSpec calls it; empty if the spec has no kind.
std::string KindName(const v1::JobSpec& spec);

// All in the spec's order. The spec has a kind; also below.
std::vector<SpecPart<const v1::PromptSource>> PromptsOf(const v1::JobSpec& spec);
std::vector<SpecPart<v1::PromptSource>> MutablePromptsOf(v1::JobSpec& spec);
std::vector<SpecPart<const v1::CircuitSource>> CircuitsOf(const v1::JobSpec& spec);
std::vector<SpecPart<v1::CircuitSource>> MutableCircuitsOf(v1::JobSpec& spec);

const std::string& ModelNameOf(const v1::JobSpec& spec);
void SetModelName(const std::string& name, v1::JobSpec& spec);

// The kind's spec, as it is stored, and back.
void StoreKind(const v1::JobSpec& spec, storage::v1::JobInput& input);
v1::JobSpec StoredKind(const storage::v1::JobInput& input);

}  // namespace circuitd
