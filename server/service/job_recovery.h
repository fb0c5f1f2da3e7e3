// Makes jobs runnable again that the server's earlier lives have left.
#pragma once

#include "server/jobs/store/job.h"
#include "server/service/server_parts.h"

namespace circuitd {

// JobManager::Hooks::prepare: loads the model, restores the plan, and provides the job with its body, on the thread
// where models are loaded. A job that can't be made again (its model is gone or another one, what is stored is damaged)
// ends FAILED, saying why; where another attempt may succeed it is postponed.
void PrepareAgain(const ServerParts& parts, const JobRecord& record);

}  // namespace circuitd
