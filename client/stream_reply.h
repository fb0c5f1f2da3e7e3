// Takes in replies that are streams: progress if there is any, one summary, then tensors.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status.h"
#include "circuitd/v1/patching.pb.h"
#include "circuitd/v1/tensor.pb.h"
#include "client/client.h"
#include "client/tensor_collector.h"
#include "client/tensor_set.h"

namespace circuitd::client {

template <typename Response>
using SummaryOf = std::decay_t<decltype(std::declval<Response>().summary())>;

using TensorChunkSink = std::function<absl::Status(const v1::TensorChunk&)>;
using OnPatchingProgress = std::function<void(const v1::PatchingProgress&)>;

// Makes the call and hands tensors to `sink` as they come. DATA_LOSS unless there is exactly one
// summary, and it comes before all tensors.
template <typename Response, typename Request>
absl::StatusOr<SummaryOf<Response>> ReceiveReply(
    Client& client, absl::Status (Client::*call)(const Request&, const Client::Receiver<Response>&, Canceller*),
    const Request& request, const TensorChunkSink& sink, const OnPatchingProgress& on_progress = {}) {
  SummaryOf<Response> summary;
  bool summarised = false;
  RETURN_IF_ERROR((client.*call)(
      request,
      [&](const Response& response) -> absl::Status {
        if constexpr (requires { response.progress(); }) {
          if (response.has_progress() && on_progress) on_progress(response.progress());
        }
        if (response.has_summary()) {
          if (summarised) return absl::DataLossError("the server sent a second summary");
          summarised = true;
          summary = response.summary();
        }
        if (!response.has_chunk()) return absl::OkStatus();
        if (!summarised) return absl::DataLossError("the server sent tensors before the summary");
        return sink(response.chunk());
      },
      nullptr));
  if (!summarised) return absl::DataLossError("the server's reply ended without a summary");
  return summary;
}

template <typename Summary>
struct Reply {
  Summary summary;
  TensorSet tensors;
};

// The same with the tensors kept in memory.
template <typename Response, typename Request>
absl::StatusOr<Reply<SummaryOf<Response>>> CollectReply(
    Client& client, absl::Status (Client::*call)(const Request&, const Client::Receiver<Response>&, Canceller*),
    const Request& request, const OnPatchingProgress& on_progress = {}) {
  TensorCollector collector;
  Reply<SummaryOf<Response>> reply;
  ASSIGN_OR_RETURN(reply.summary, ReceiveReply(
                                      client, call, request,
                                      [&](const v1::TensorChunk& chunk) { return collector.Add(chunk); }, on_progress));
  ASSIGN_OR_RETURN(std::vector<NamedTensor> tensors, collector.Finish());
  reply.tensors = TensorSet(std::move(tensors));
  return reply;
}

}  // namespace circuitd::client
