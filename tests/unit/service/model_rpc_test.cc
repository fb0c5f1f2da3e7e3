#include <gmock/gmock.h>

#include "circuitd/v1/model.grpc.pb.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class ModelRpcTest : public RpcTest {
 protected:
  grpc::Status Get(const std::string& name, v1::Model& model) {
    grpc::ClientContext context;
    v1::GetModelRequest request;
    request.set_name(name);
    v1::GetModelResponse response;
    const grpc::Status status = Stub<v1::ModelService>()->GetModel(&context, request, &response);
    model = response.model();
    return status;
  }

  grpc::Status Load(const std::string& name, const std::string& device, v1::Model& model) {
    grpc::ClientContext context;
    v1::LoadModelRequest request;
    request.set_name(name);
    request.set_device(device);
    v1::LoadModelResponse response;
    const grpc::Status status = Stub<v1::ModelService>()->LoadModel(&context, request, &response);
    model = response.model();
    return status;
  }

  grpc::Status Unload(const std::string& name) {
    grpc::ClientContext context;
    v1::UnloadModelRequest request;
    request.set_name(name);
    v1::UnloadModelResponse response;
    return Stub<v1::ModelService>()->UnloadModel(&context, request, &response);
  }
};

TEST_F(ModelRpcTest, ModelsAreLoadedAndUnloaded) {
  v1::Model model;
  ASSERT_TRUE(Get("nano", model).ok());
  EXPECT_EQ(model.state(), v1::MODEL_STATE_AVAILABLE);
  EXPECT_FALSE(model.has_config());
  ASSERT_TRUE(Load("nano", "", model).ok());
  EXPECT_EQ(model.state(), v1::MODEL_STATE_LOADED);
  EXPECT_EQ(model.config().d_vocab(), 3u);
  EXPECT_EQ(model.config().n_ctx(), 11u);
  EXPECT_EQ(model.device(), "cpu");
  EXPECT_EQ(model.data_type(), v1::DATA_TYPE_FLOAT32);
  EXPECT_FALSE(model.has_tokenizer());
  EXPECT_GT(model.parameter_count(), 0u);
  EXPECT_TRUE(Unload("nano").ok());
  EXPECT_EQ(Unload("nano").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelRpcTest, UnknownModelsAreNotFoundAndNamed) {
  v1::Model model;
  const grpc::Status status = Get("gpt5", model);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("gpt5"));
  EXPECT_EQ(ViolatedField(status), "name");
  EXPECT_EQ(Load("../nano-sort", "", model).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ViolatedField(Load("nano", "tpu", model)), "device");
}

TEST_F(ModelRpcTest, ListsInPages) {
  grpc::ClientContext context;
  v1::ListModelsRequest request;
  request.set_page_size(1);
  v1::ListModelsResponse response;
  ASSERT_TRUE(Stub<v1::ModelService>()->ListModels(&context, request, &response).ok());
  ASSERT_EQ(response.models_size(), 1);
  EXPECT_EQ(response.models(0).name(), "nano");
  request.set_page_token(response.next_page_token());
  grpc::ClientContext next;
  ASSERT_TRUE(Stub<v1::ModelService>()->ListModels(&next, request, &response).ok());
  EXPECT_EQ(response.models(0).name(), "seqcont");
  EXPECT_EQ(response.next_page_token(), "");
  // Over the maximum of 1000, which counts then: AIP-158.
  request.set_page_size(5000);
  request.clear_page_token();
  grpc::ClientContext all;
  ASSERT_TRUE(Stub<v1::ModelService>()->ListModels(&all, request, &response).ok());
  EXPECT_EQ(response.models_size(), 2);
}

TEST_F(ModelRpcTest, InvalidUtf8InAStringIsAnInvalidArgument) {
  v1::Model model;
  const grpc::Status status = Get("na\xffno", model);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("UTF-8"));
  EXPECT_TRUE(Get("nano", model).ok());
}

}  // namespace
}  // namespace circuitd
