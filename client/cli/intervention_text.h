// Nodes and interventions as they are typed and shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/inference.pb.h"

namespace circuitd::client {

inline constexpr char kInterventionHelp[] =
    "Interventions:\n"
    "  --ablate NODE[@POSITIONS]=ABLATION\n"
    "      NODE is A3.0 (layer 3, head 0), A3.* (all heads of layer 3) or M2 (the MLP of layer 2);\n"
    "      POSITIONS count from 0, negative ones from the end; none: all. E.g. A3.0=mean, M2@-1=zero, "
    "A1.*@0,-1=resample\n"
    "  --intervention HOOK[:heads=H,...][:positions=P,...]:ablation=ABLATION\n"
    "      e.g. blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean, blocks.2.hook_mlp_out:ablation=zero\n"
    "  ABLATION is zero, mean (for each position over the source prompts) or resample (from the paired source "
    "prompt).\n";

// "A7.11", "A7.11.q", "M9", "embed", "logits".
std::string NodeName(const v1::Node& node);

// "A3.0@-1=mean". INVALID_ARGUMENT says what the syntax is.
absl::StatusOr<v1::Intervention> ParseAblate(absl::string_view text);

// "blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean". Hooks are for the server to know.
absl::StatusOr<v1::Intervention> ParseIntervention(absl::string_view text);

// "464,11,257".
absl::StatusOr<std::vector<uint32_t>> ParseIds(absl::string_view text);

}  // namespace circuitd::client
