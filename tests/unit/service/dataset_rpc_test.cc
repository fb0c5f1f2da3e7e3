#include <gmock/gmock.h>

#include "base/sha256.h"
#include "circuitd/v1/dataset.grpc.pb.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

const std::string kPairs = R"({"clean": "a", "corrupted": "b", "correct": " 5", "incorrect": " 4"})"
                           "\n";

class DatasetRpcTest : public RpcTest {
 protected:
  grpc::Status Upload(const std::vector<v1::UploadDatasetRequest>& messages, v1::Dataset& dataset) {
    grpc::ClientContext context;
    v1::UploadDatasetResponse response;
    const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &response);
    for (const auto& message : messages) {
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    dataset = response.dataset();
    return status;
  }

  int Stored() {
    grpc::ClientContext context;
    v1::ListDatasetsResponse response;
    EXPECT_TRUE(Stub<v1::DatasetService>()->ListDatasets(&context, {}, &response).ok());
    return response.datasets_size();
  }

  static v1::UploadDatasetRequest Header(v1::DatasetFormat format, const std::string& sha256 = "") {
    v1::UploadDatasetRequest message;
    message.mutable_header()->set_format(format);
    message.mutable_header()->set_sha256(sha256);
    return message;
  }
  static v1::UploadDatasetRequest Data(const std::string& data) {
    v1::UploadDatasetRequest message;
    message.set_data(data);
    return message;
  }
};

TEST_F(DatasetRpcTest, UploadsInPiecesAndDeletes) {
  v1::Dataset dataset;
  const grpc::Status status =
      Upload({Header(v1::DATASET_FORMAT_PAIRS, Sha256Hex(kPairs)), Data(kPairs.substr(0, 9)), Data(kPairs.substr(9))},
             dataset);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(dataset.sha256(), Sha256Hex(kPairs));
  EXPECT_EQ(dataset.prompt_count(), 1u);
  EXPECT_EQ(dataset.size_bytes(), kPairs.size());
  EXPECT_EQ(Stored(), 1);
  v1::DeleteDatasetRequest request;
  request.set_sha256(dataset.sha256());
  v1::DeleteDatasetResponse response;
  grpc::ClientContext first, second;
  EXPECT_TRUE(Stub<v1::DatasetService>()->DeleteDataset(&first, request, &response).ok());
  EXPECT_EQ(Stub<v1::DatasetService>()->DeleteDataset(&second, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(DatasetRpcTest, BadUploadsAreNamedAndLeaveNothing) {
  v1::Dataset dataset;
  const auto header = Header(v1::DATASET_FORMAT_PAIRS);
  EXPECT_EQ(ViolatedField(Upload({}, dataset)), "header");
  EXPECT_EQ(ViolatedField(Upload({Data(kPairs)}, dataset)), "header");
  EXPECT_EQ(ViolatedField(Upload({header, header}, dataset)), "header");
  EXPECT_EQ(ViolatedField(Upload({Header(v1::DATASET_FORMAT_UNSPECIFIED)}, dataset)), "header.format");
  EXPECT_EQ(ViolatedField(Upload({Header(v1::DATASET_FORMAT_PAIRS, "xyz")}, dataset)), "header.sha256");
  EXPECT_EQ(ViolatedField(Upload({header, Data(std::string((1 << 20) + 1, ' '))}, dataset)), "data");
  EXPECT_EQ(Upload({Header(v1::DATASET_FORMAT_PAIRS, std::string(64, '0')), Data(kPairs)}, dataset).error_code(),
            grpc::StatusCode::DATA_LOSS);
  const grpc::Status bad_line = Upload({header, Data(kPairs + "{\"clean\": 3}\n")}, dataset);
  EXPECT_EQ(bad_line.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(bad_line.error_message(), HasSubstr("line 2"));
  EXPECT_EQ(Stored(), 0);
}

TEST_F(DatasetRpcTest, TooLargeDatasetsAreRefusedOnTheWay) {
  ServerOptions options = TestOptions();
  options.max_dataset_bytes = 100;
  Start(options);
  v1::Dataset dataset;
  const grpc::Status status = Upload({Header(v1::DATASET_FORMAT_PAIRS), Data(kPairs), Data(kPairs)}, dataset);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_dataset_bytes, 100"));
}

TEST_F(DatasetRpcTest, ClientThatGoesInTheMiddleLeavesNothing) {
  {
    grpc::ClientContext context;
    v1::UploadDatasetResponse response;
    const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &response);
    ASSERT_TRUE(writer->Write(Header(v1::DATASET_FORMAT_PAIRS)));
    ASSERT_TRUE(writer->Write(Data(kPairs)));
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_EQ(Stored(), 0);
}

}  // namespace
}  // namespace circuitd
