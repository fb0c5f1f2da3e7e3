#include "server/service/model_service.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "circuitd/v1/model.grpc.pb.h"
#include "server/model/registry.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert.h"
#include "server/service/model_error.h"
#include "server/service/pages.h"
#include "server/service/reactors.h"
#include "server/service/server_parts.h"

namespace circuitd {
namespace {

constexpr char kList[] = "models";

// All but LoadModel only read folders, which takes milliseconds; they go to the preparing thread.
class ModelService final : public v1::ModelService::CallbackService {
 public:
  explicit ModelService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override {
    return Later(context, *request, parts_.preparing, [this, request, response]() -> absl::Status {
      ASSIGN_OR_RETURN(const PageRequest page, ParsePage(kList, request->page_size(), request->page_token()));
      auto [models, next] = TakePage(kList, parts_.models.List(), page, [](const ModelListing& m) { return m.name; });
      for (const ModelListing& model : models) *response->add_models() = ToProto(model);
      response->set_next_page_token(next);
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override {
    return Later(context, *request, parts_.preparing,
                 [this, request, response] { return Get(request->name(), response); });
  }

  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext* context, const v1::LoadModelRequest* request,
                                      v1::LoadModelResponse* response) override {
    return Later(context, *request, parts_.loading, [this, request, response]() -> absl::Status {
      LoadOptions options;
      options.device = request->device();
      ASSIGN_OR_RETURN(options.dtype, FromProto(request->data_type(), "data_type"));
      const auto model = parts_.models.Load(request->name(), options);
      if (!model.ok()) return ModelError("name", model.status());
      return Get(request->name(), response);
    });
  }

  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext* context, const v1::UnloadModelRequest* request,
                                        v1::UnloadModelResponse*) override {
    return Later(context, *request, parts_.preparing, [this, request]() -> absl::Status {
      const absl::Status status = parts_.models.Unload(request->name());
      return status.ok() ? status : ModelError("name", status);
    });
  }

 private:
  grpc::ServerUnaryReactor* Later(grpc::CallbackServerContext* context, const google::protobuf::Message& request,
                                  DeviceWorker& worker, std::function<absl::Status()> work) {
    auto* call = new UnaryCall(parts_, context);
    if (!call->Admit(request)) return call;
    RunOn(worker, call->control(), std::move(work), [call](const absl::Status& status) { call->End(status); });
    return call;
  }

  template <typename Response>
  absl::Status Get(const std::string& name, Response* response) {
    const absl::StatusOr<ModelListing> model = parts_.models.Get(name);
    if (!model.ok()) return ModelError("name", model.status());
    *response->mutable_model() = ToProto(*model);
    return absl::OkStatus();
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeModelService(const ServerParts& parts) {
  return std::make_unique<ModelService>(parts);
}

}  // namespace circuitd
