// A call whose tensors go to the disk as they come.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "client/safetensors_spool.h"
#include "client/stream_reply.h"

namespace circuitd::client {

// Makes the call, keeps its tensors in `file` and returns its summary. DATA_LOSS if there are tensors and no file for
// them; a file is written only if the whole call succeeds.
template <typename Response, typename Request>
absl::StatusOr<SummaryOf<Response>> DownloadTensors(
    Client& client, absl::Status (Client::*call)(const Request&, const Client::Receiver<Response>&, Canceller*),
    const Request& request, std::optional<SafetensorsSpool>& file) {
  const auto sink = [&](const v1::TensorChunk& chunk) {
    return file ? file->Add(chunk) : absl::DataLossError("the server sent tensors that were not asked for");
  };
  ASSIGN_OR_RETURN(SummaryOf<Response> summary, ReceiveReply(client, call, request, sink));
  if (file) RETURN_IF_ERROR(file->Finish());
  return summary;
}

}  // namespace circuitd::client
