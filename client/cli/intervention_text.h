// Interventions as they are typed.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/intervention.pb.h"

namespace circuitd::client {

inline constexpr char kInterventionHelp[] =
    "Interventions:\n"
    "  --ablate NODE[@POSITIONS]=ABLATION\n"
    "      NODE is A3.0 (layer 3, head 0), A3.* (all heads of layer 3) or M2 (the MLP of layer 2).\n"
    "      E.g. A3.0=mean, M2@-1=zero, A1.*@0,role:last_member=resample\n"
    "  --intervention HOOK[:heads=H,...][:positions=POSITIONS][:keys=POSITIONS]:ACTION\n"
    "      keys: of hook_attn_scores and hook_pattern, whose positions are those of queries. ACTION is\n"
    "        ablation=ABLATION\n"
    "        scale=FACTOR\n"
    "        noise=STANDARD_DEVIATION[,seed=N]\n"
    "        add=FILE.safetensors#TENSOR[*COEFFICIENT]\n"
    "        set=FILE.safetensors#TENSOR\n"
    "      E.g. blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean, blocks.2.hook_mlp_out:scale=0.5,\n"
    "      blocks.1.attn.hook_pattern:heads=4:positions=-1:keys=role:last_member:ablation=zero\n"
    "  ABLATION is zero, mean (for each position over the source prompts) or resample (from the paired source "
    "prompt).\n";

// "A3.0@-1=mean". INVALID_ARGUMENT says what the syntax is.
absl::StatusOr<v1::Intervention> ParseAblate(absl::string_view text);

// "blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean". Reads the file of an add or set. Hooks are for the
// server to know.
absl::StatusOr<v1::Intervention> ParseIntervention(absl::string_view text);

}  // namespace circuitd::client
