// `circuit models`, `circuit models load`, `circuit models unload`.
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "client/cli/choice_option.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/model_text.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

Table ModelTable(const google::protobuf::RepeatedPtrField<v1::Model>& models) {
  Table table({"NAME", "STATE", "DEVICE", "DTYPE", ">PARAMETERS", ">LAYERS", ">HEADS", ">D_MODEL", "ALIASES"});
  for (const v1::Model& model : models) {
    const bool loaded = model.state() == v1::MODEL_STATE_LOADED;
    const auto number = [&](uint64_t value) { return loaded ? WithThousands(value) : std::string(); };
    table.Add({model.name(), loaded ? "loaded" : "available", model.device(),
               loaded ? DataTypeName(model.data_type()) : "", number(model.parameter_count()),
               number(model.config().n_layers()), number(model.config().n_heads()), number(model.config().d_model()),
               absl::StrJoin(model.aliases(), " ")});
  }
  return table;
}

absl::StatusOr<int> List(CommandContext& context) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  v1::ListModelsResponse all;
  v1::ListModelsRequest request;
  do {
    ASSIGN_OR_RETURN(const v1::ListModelsResponse page, client->ListModels(request));
    all.mutable_models()->MergeFrom(page.models());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.options().json) {
    context.PrintJson(all);
  } else {
    context.Print(ModelTable(all.models()));
  }
  return kExitOk;
}

absl::StatusOr<int> Load(CommandContext& context, const v1::LoadModelRequest& request) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::LoadModelResponse response, client->LoadModel(request));
  if (context.options().json) {
    context.PrintJson(response);
  } else {
    google::protobuf::RepeatedPtrField<v1::Model> one;
    *one.Add() = response.model();
    context.Print(ModelTable(one));
  }
  return kExitOk;
}

absl::StatusOr<int> Unload(CommandContext& context, const v1::UnloadModelRequest& request) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::UnloadModelResponse response, client->UnloadModel(request));
  if (context.options().json) context.PrintJson(response);
  return kExitOk;
}

}  // namespace

void AddModelsCommand(CLI::App& app, CommandContext& context) {
  CLI::App* models = app.add_subcommand("models", "List the server's models, load or unload one");
  models->fallthrough()->require_subcommand(0, 1);
  context.Register(models, [&context] { return List(context); });

  CLI::App* load = models->add_subcommand("load", "Load a model, or say how it is loaded already");
  load->fallthrough();
  auto load_request = std::make_shared<v1::LoadModelRequest>();
  auto dtype = std::make_shared<v1::DataType>(v1::DATA_TYPE_UNSPECIFIED);
  load->add_option_function<std::string>(
          "name", [=](const std::string& name) { load_request->set_name(name); }, "The model's name or alias")
      ->required();
  load->add_option_function<std::string>(
      "--device", [=](const std::string& device) { load_request->set_device(device); },
      "cpu, cuda or cuda:N (default: the server's)");
  const std::map<std::string, v1::DataType> dtypes = {
      {"float32", v1::DATA_TYPE_FLOAT32}, {"float16", v1::DATA_TYPE_FLOAT16}, {"bfloat16", v1::DATA_TYPE_BFLOAT16}};
  AddChoiceOption(*load, "--dtype", *dtype, dtypes, "float32 (default), float16 or bfloat16", "TYPE");
  context.Register(load, [&context, load_request, dtype] {
    load_request->set_data_type(*dtype);
    return Load(context, *load_request);
  });

  CLI::App* unload = models->add_subcommand("unload", "Give a model's memory back");
  unload->fallthrough();
  auto unload_request = std::make_shared<v1::UnloadModelRequest>();
  unload
      ->add_option_function<std::string>(
          "name", [=](const std::string& name) { unload_request->set_name(name); }, "The model's name or alias")
      ->required();
  context.Register(unload, [&context, unload_request] { return Unload(context, *unload_request); });
}

}  // namespace circuitd::client
