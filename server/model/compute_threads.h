// How many CPU threads a forward pass uses.
#pragma once

namespace circuitd {

// Makes idle OpenMP threads sleep instead of spin: with the default, a forward pass takes ten times as long as soon as
// another process wants one of the cores. OpenMP reads this from the environment (OMP_WAIT_POLICY) before main begins,
// so the program starts itself again with it, once; an environment that sets it stays as it is. Call first in main.
void SleepWhileIdle(char** argv);

// For all threads that run torch from now on; 0 keeps torch's own choice, one a core. Call before the first forward.
void SetComputeThreads(int threads);

}  // namespace circuitd
