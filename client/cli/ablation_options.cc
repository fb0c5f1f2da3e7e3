#include "client/cli/ablation_options.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "client/cli/choice_option.h"

namespace circuitd::client {

void AddMeansOption(CLI::App& app, v1::MlpMeans& means, const std::string& default_text) {
  const std::map<std::string, v1::MlpMeans> names = {{"seqcont", v1::MLP_MEANS_SEQCONT},
                                                     {"clean", v1::MLP_MEANS_CLEAN}};
  AddChoiceOption(app, "--means", means, names,
                  absl::StrCat("Where an ablated MLP's mean is from: seqcont, as the published circuits, or clean, the "
                               "unablated model (default: ",
                               default_text, ")"),
                  "MEANS");
}

void AddAblationOption(CLI::App& app, v1::Ablation& ablation, const std::string& default_text) {
  const std::map<std::string, v1::Ablation> names = {
      {"resample", v1::ABLATION_RESAMPLE}, {"mean", v1::ABLATION_MEAN}, {"zero", v1::ABLATION_ZERO}};
  AddChoiceOption(app, "--ablation", ablation, names,
                  absl::StrCat("What parts outside of a circuit carry: resample, their value in the corrupted run; "
                               "mean, over the corrupted prompts; or zero (default: ",
                               default_text, ")"),
                  "ABLATION");
}

void AddFreezeOption(CLI::App& app, v1::PathFreeze& freeze) {
  const std::map<std::string, v1::PathFreeze> names = {{"all", v1::PATH_FREEZE_ALL}, {"heads", v1::PATH_FREEZE_HEADS}};
  AddChoiceOption(app, "--freeze", freeze, names, "all (default): the direct path; heads: MLPs between are recomputed",
                  "FREEZE");
}

}  // namespace circuitd::client
