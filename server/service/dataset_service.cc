#include "server/service/dataset_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "circuitd/v1/dataset.grpc.pb.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert.h"
#include "server/service/dataset_store.h"
#include "server/service/pages.h"
#include "server/service/reactors.h"
#include "server/service/server_parts.h"

namespace circuitd {
namespace {

constexpr char kList[] = "datasets";
constexpr size_t kMaxDataBytes = size_t{1} << 20;

// Takes the messages as they come, and parses the whole on the loading thread. A client that goes away in between takes
// its upload with it.
class UploadCall final : public grpc::ServerReadReactor<v1::UploadDatasetRequest> {
 public:
  UploadCall(grpc::CallbackServerContext* context, const ServerParts& parts, v1::UploadDatasetResponse* response)
      : parts_(parts),
        control_(std::make_shared<CallControl>(context->deadline())),
        client_(parts.idle_streams, [context] { context->TryCancel(); }),
        response_(response) {
    Read();
  }

  void OnReadDone(bool ok) override {
    client_.ClientDone();
    const absl::Status status = ok ? RunGuarded([this] { return Take(); }) : absl::OkStatus();
    if (!status.ok()) {
      End(status);
    } else if (ok) {
      Read();
    } else {
      // A half-closed stream and a client that vanished end the reading alike, and OnCancel may come later. Only to a
      // client that is still there something can be sent.
      StartSendInitialMetadata();
    }
  }

  void OnSendInitialMetadataDone(bool ok) override {
    if (!ok) control_->Cancel();
    Store();
  }

  void OnCancel() override { control_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  void Read() {
    client_.WaitForClient();
    StartRead(&message_);
  }

  absl::Status Take() {
    switch (message_.payload_case()) {
      case v1::UploadDatasetRequest::kHeader: {
        if (upload_) return InvalidField("header", "is sent once, in the first message");
        ASSIGN_OR_RETURN(const FileFormat format, FromProto(message_.header().format(), "header.format"));
        expected_sha256_ = message_.header().sha256();
        if (!expected_sha256_.empty() && !IsSha256Hex(expected_sha256_)) {
          return InvalidField("header.sha256", "must be 64 lower-case hexadecimal digits");
        }
        upload_ = parts_.datasets.BeginUpload(format);
        return absl::OkStatus();
      }
      case v1::UploadDatasetRequest::kData:
        if (!upload_) return InvalidField("header", "must be set in the first message");
        if (message_.data().size() > kMaxDataBytes) {
          return InvalidField("data", absl::StrCat(message_.data().size(), " bytes, must be at most ", kMaxDataBytes));
        }
        return upload_->Append(message_.data());
      case v1::UploadDatasetRequest::PAYLOAD_NOT_SET:
        break;
    }
    return InvalidField("payload", "has neither header nor data");
  }

  void Store() {
    if (const absl::Status gone = control_->Check(); !gone.ok()) return End(gone);
    if (!upload_) return End(InvalidField("header", "must be set in the first message"));
    RunOn(
        parts_.loading, control_,
        [this]() -> absl::Status {
          ASSIGN_OR_RETURN(const auto dataset, upload_->Finish(expected_sha256_));
          *response_->mutable_dataset() = ToProto(*dataset);
          return absl::OkStatus();
        },
        [this](const absl::Status& status) { End(status); });
  }

  void End(const absl::Status& status) {
    upload_.reset();
    client_.WaitForClient();
    Finish(ToGrpcStatus(status));
  }

  const ServerParts& parts_;
  const std::shared_ptr<CallControl> control_;
  IdleStreams::Call client_;
  v1::UploadDatasetResponse* const response_;
  v1::UploadDatasetRequest message_;
  std::unique_ptr<DatasetStore::Upload> upload_;
  std::string expected_sha256_;
};

class DatasetService final : public v1::DatasetService::CallbackService {
 public:
  explicit DatasetService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerReadReactor<v1::UploadDatasetRequest>* UploadDataset(grpc::CallbackServerContext* context,
                                                                   v1::UploadDatasetResponse* response) override {
    return new UploadCall(context, parts_, response);
  }

  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context, const v1::GetDatasetRequest* request,
                                       v1::GetDatasetResponse* response) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const auto dataset, parts_.datasets.Get(request->sha256()));
      *response->mutable_dataset() = ToProto(*dataset);
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context, const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const PageRequest page, ParsePage(kList, request->page_size(), request->page_token()));
      auto [datasets, next] = TakePage(kList, parts_.datasets.List(), page, [](const auto& d) { return d->sha256; });
      for (const auto& dataset : datasets) *response->add_datasets() = ToProto(*dataset);
      response->set_next_page_token(next);
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context, const v1::DeleteDatasetRequest* request,
                                          v1::DeleteDatasetResponse*) override {
    return AnswerNow(context, [&] { return parts_.datasets.Delete(request->sha256()); });
  }

 private:
  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDatasetService(const ServerParts& parts) {
  return std::make_unique<DatasetService>(parts);
}

}  // namespace circuitd
