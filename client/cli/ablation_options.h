// Options that say what ablated parts carry and what paths keep.
#pragma once

#include <string>

#include "CLI/App.hpp"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/intervention.pb.h"
#include "circuitd/v1/patching.pb.h"

namespace circuitd::client {

// --means. `default_text` says which it is without the option.
void AddMeansOption(CLI::App& app, v1::MlpMeans& means, const std::string& default_text);

// --ablation, likewise.
void AddAblationOption(CLI::App& app, v1::Ablation& ablation, const std::string& default_text);

// --freeze.
void AddFreezeOption(CLI::App& app, v1::PathFreeze& freeze);

}  // namespace circuitd::client
