// SubmitJob: from the request through checks and preparation to a queued job, or to an estimate of its cost.
#pragma once

#include "circuitd/v1/job.pb.h"
#include "server/service/reactors.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Ends `call` once, from whatever thread is done last; request and response live until then.
void StartSubmission(const ServerParts& parts, const grpc::CallbackServerContext& context, UnaryCall* call,
                     const v1::SubmitJobRequest& request, v1::SubmitJobResponse& response);

}  // namespace circuitd
