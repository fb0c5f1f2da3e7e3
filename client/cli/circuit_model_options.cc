#include "client/cli/circuit_model_options.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_dims.h"

namespace circuitd::client {

absl::StatusOr<CircuitModel> AskForModel(Client& client, const std::string& name) {
  v1::LoadModelRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const v1::LoadModelResponse response, client.LoadModel(request));
  const v1::ModelConfig& config = response.model().config();
  CircuitModel model{response.model().name(), response.model().sha256(), {}};
  model.config.n_layers = static_cast<int>(config.n_layers());
  model.config.n_heads = static_cast<int>(config.n_heads());
  model.config.d_model = static_cast<int>(config.d_model());
  model.config.d_head = static_cast<int>(config.d_head());
  model.config.d_mlp = static_cast<int>(config.d_mlp());
  model.config.n_ctx = static_cast<int>(config.n_ctx());
  model.config.d_vocab = static_cast<int>(config.d_vocab());
  if (model.config.n_layers < 1 || model.config.n_heads < 1) {
    return absl::DataLossError(absl::StrCat("the server has no dimensions of ", name));
  }
  return model;
}

void CircuitModelOptions::AddTo(CLI::App& app) {
  CLI::Option* model =
      app.add_option("--model,-m", model_, "The circuit's model; the server is asked for its dimensions");
  CLI::Option* layers = app.add_option("--layers", layers_, "Layers of the model, where the file doesn't say");
  CLI::Option* heads = app.add_option("--heads", heads_, "Heads of each layer, likewise");
  const CLI::Range range(1, kMostNodes);
  layers->check(range)->needs(heads)->excludes(model);
  heads->check(range)->needs(layers)->excludes(model);
}

absl::StatusOr<std::optional<CircuitModel>> CircuitModelOptions::Read(const CommandContext& context) const {
  if (!model_.empty()) {
    ASSIGN_OR_RETURN(const auto client, context.Connect());
    return AskForModel(*client, model_);
  }
  if (layers_ == 0) return std::nullopt;
  if (int64_t{layers_} * (heads_ + 1) > kMostNodes) {
    return InvalidField("--layers", absl::StrCat(layers_, " layers of ", heads_, " heads and an MLP, must be ",
                                                 kMostNodes, " nodes at most"));
  }
  CircuitModel model;
  model.config.n_layers = layers_;
  model.config.n_heads = heads_;
  return model;
}

}  // namespace circuitd::client
