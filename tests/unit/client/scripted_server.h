// A server in this process that does what a test wrote down, call by call.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "circuitd/v1/dataset.grpc.pb.h"
#include "circuitd/v1/job.grpc.pb.h"
#include "circuitd/v1/model.grpc.pb.h"
#include "circuitd/v1/server.grpc.pb.h"
#include "client/client.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/unit/client/script.h"
#include "tests/unit/client/scripted_readings.h"

namespace circuitd::client {

class ScriptedJobs final : public v1::JobService::Service {
 public:
  Script<v1::WatchJobRequest, v1::WatchJobResponse> watch;
  Script<v1::DownloadArtifactRequest, v1::DownloadArtifactResponse> download;
  // Of DownloadArtifact, instead of the script.
  std::function<grpc::Status(const v1::DownloadArtifactRequest&, grpc::ServerWriter<v1::DownloadArtifactResponse>*)>
      serve;
  // Of GetJob.
  std::function<grpc::Status(grpc::ServerContext*, const v1::GetJobRequest&, v1::GetJobResponse*)> get;

  // Of the other calls that answer once; one that is not set fails with UNIMPLEMENTED.
  std::function<grpc::Status(const v1::SubmitJobRequest&, v1::SubmitJobResponse*)> submit;
  std::function<grpc::Status(const v1::ListJobsRequest&, v1::ListJobsResponse*)> list;
  std::function<grpc::Status(const v1::DeleteJobRequest&)> remove;

  grpc::Status SubmitJob(grpc::ServerContext*, const v1::SubmitJobRequest* request,
                         v1::SubmitJobResponse* response) override {
    return submit ? submit(*request, response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
  }
  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    return list ? list(*request, response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
  }
  grpc::Status DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest* request, v1::DeleteJobResponse*) override {
    return remove ? remove(*request) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
  }
  grpc::Status WatchJob(grpc::ServerContext*, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
    return watch.Play(*request, writer);
  }
  grpc::Status DownloadArtifact(grpc::ServerContext*, const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) override {
    return serve ? serve(*request, writer) : download.Play(*request, writer);
  }
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override {
    return get ? get(context, *request, response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
  }
};

// Keeps datasets, and counts uploads.
class ScriptedDatasets final : public v1::DatasetService::Service {
 public:
  int uploads = 0;
  std::string received;
  v1::UploadDatasetHeader header;
  // Answered after the header, before the data is read.
  grpc::Status refusal;

  grpc::Status GetDataset(grpc::ServerContext*, const v1::GetDatasetRequest* request,
                          v1::GetDatasetResponse* response) override {
    if (uploads == 0 || request->sha256() != header.sha256()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "none");
    response->mutable_dataset()->set_sha256(header.sha256());
    response->mutable_dataset()->set_format(header.format());
    return grpc::Status::OK;
  }
  grpc::Status UploadDataset(grpc::ServerContext*, grpc::ServerReader<v1::UploadDatasetRequest>* reader,
                             v1::UploadDatasetResponse* response) override {
    v1::UploadDatasetRequest message;
    received.clear();
    while (reader->Read(&message)) {
      if (message.has_header()) header = message.header();
      if (!refusal.ok()) return refusal;
      received += message.data();
    }
    ++uploads;
    response->mutable_dataset()->set_sha256(header.sha256());
    return grpc::Status::OK;
  }
};

class ScriptedInfo final : public v1::ServerService::Service {
 public:
  v1::GetServerInfoResponse info;

  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse* response) override {
    *response = info;
    return grpc::Status::OK;
  }
};

// Has one model, under whatever name.
class ScriptedModels final : public v1::ModelService::Service {
 public:
  v1::Model model;

  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest*,
                          v1::ListModelsResponse* response) override {
    *response->add_models() = model;
    return grpc::Status::OK;
  }
  grpc::Status LoadModel(grpc::ServerContext*, const v1::LoadModelRequest*, v1::LoadModelResponse* response) override {
    *response->mutable_model() = model;
    return grpc::Status::OK;
  }
};

class ScriptedServer {
 public:
  // On a port of the kernel's choice, or on that of an earlier one.
  ScriptedServer() : ScriptedServer("127.0.0.1:0") {}
  explicit ScriptedServer(const std::string& address) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&server);
    builder.RegisterService(&jobs);
    builder.RegisterService(&datasets);
    builder.RegisterService(&inference);
    builder.RegisterService(&readings);
    builder.RegisterService(&patching);
    builder.RegisterService(&tasks);
    builder.RegisterService(&models);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~ScriptedServer() {
    jobs.watch.Release();
    jobs.download.Release();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  const std::string& address() const { return address_; }

  ScriptedInfo server;
  ScriptedJobs jobs;
  ScriptedDatasets datasets;
  ScriptedInference inference;
  ScriptedReadings readings;
  ScriptedPatching patching;
  ScriptedTasks tasks;
  ScriptedModels models;

 private:
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace circuitd::client
