// Makes jobs runnable again that the server's earlier lives have left.
#pragma once

#include "server/jobs/store/job.h"
#include "server/service/server_parts.h"

namespace circuitd {

// JobManager::Hooks::prepare: loads the model, restores the plan, and provides the job with its body, on the thread
// where models are loaded. A job whose model is another one now, or of which what is stored is damaged, ends FAILED,
// saying why; where another attempt may succeed, and be it that its model comes back, the job is postponed.
void PrepareAgain(const ServerParts& parts, const JobRecord& record);

}  // namespace circuitd
