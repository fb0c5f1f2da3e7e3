// Scripted services of what runs and reads models, and the messages that they answer with.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "circuitd/v1/inference.grpc.pb.h"
#include "circuitd/v1/patching.grpc.pb.h"
#include "circuitd/v1/reading.grpc.pb.h"
#include "circuitd/v1/task.grpc.pb.h"
#include "grpcpp/server_builder.h"
#include "tests/unit/client/script.h"

namespace circuitd::client {

// One chunk with the whole of a float32 tensor.
inline v1::TensorChunk FloatChunk(const std::string& name, const std::vector<int64_t>& shape,
                                  const std::vector<float>& values) {
  v1::TensorChunk chunk;
  chunk.set_name(name);
  chunk.set_data_type(v1::DATA_TYPE_FLOAT32);
  chunk.mutable_shape()->Add(shape.begin(), shape.end());
  for (float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) chunk.mutable_data()->push_back(static_cast<char>(bits >> shift & 255));
  }
  return chunk;
}

// A summary and tensors, as a successful call sends them.
template <typename Response, typename Summary>
std::vector<Response> Messages(const Summary& summary, const std::vector<v1::TensorChunk>& chunks) {
  std::vector<Response> messages(1);
  *messages[0].mutable_summary() = summary;
  for (const v1::TensorChunk& chunk : chunks) *messages.emplace_back().mutable_chunk() = chunk;
  return messages;
}

inline v1::Token MakeToken(uint32_t id, const std::string& text) {
  v1::Token token;
  token.set_id(id);
  token.set_text(text);
  return token;
}

// The RPC's script, as a member named `member`, and the RPC that plays it.
#define CIRCUITD_SCRIPTED_STREAM(rpc, member)                                \
  Script<v1::rpc##Request, v1::rpc##Response> member;                        \
  grpc::Status rpc(grpc::ServerContext*, const v1::rpc##Request* request,    \
                   grpc::ServerWriter<v1::rpc##Response>* writer) override { \
    return member.Play(*request, writer);                                    \
  }

class ScriptedInference final : public v1::InferenceService::Service {
 public:
  CIRCUITD_SCRIPTED_STREAM(Forward, forward)
  CIRCUITD_SCRIPTED_STREAM(RunPatched, run_patched)
};

class ScriptedReadings final : public v1::ReadingService::Service {
 public:
  CIRCUITD_SCRIPTED_STREAM(RunLogitLens, lens)
  CIRCUITD_SCRIPTED_STREAM(AttributeLogits, attribute)
  CIRCUITD_SCRIPTED_STREAM(ReadAttention, attention)
  CIRCUITD_SCRIPTED_STREAM(ScoreOv, ov)
  CIRCUITD_SCRIPTED_STREAM(ScoreQk, qk)
};

class ScriptedPatching final : public v1::PatchingService::Service {
 public:
  CIRCUITD_SCRIPTED_STREAM(RunSweep, sweep)
  CIRCUITD_SCRIPTED_STREAM(RunPathPatching, path)
};

class ScriptedTasks final : public v1::TaskService::Service {
 public:
  CIRCUITD_SCRIPTED_STREAM(GeneratePrompts, generate)
  v1::ListTasksResponse list;

  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest*, v1::ListTasksResponse* response) override {
    *response = list;
    return grpc::Status::OK;
  }
};
#undef CIRCUITD_SCRIPTED_STREAM

}  // namespace circuitd::client
