#include "server/model/compute_threads.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

namespace circuitd {

void SleepWhileIdle(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "PASSIVE", /*overwrite=*/1);
  // By its path: executed as /proc/self/exe the process would be called "exe".
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = '\0';
  execv(path, argv);  // returns only if it fails, and then spinning is merely slow
}

void SetComputeThreads(int threads) {
  if (threads > 0) at::set_num_threads(threads);
}

}  // namespace circuitd
