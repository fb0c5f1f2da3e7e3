// How many CPU threads a forward pass uses.
#pragma once

namespace circuitd {

// For all threads that run torch from now on; 0 keeps torch's own choice, one a core. Call before the first forward.
void SetComputeThreads(int threads);

}  // namespace circuitd
