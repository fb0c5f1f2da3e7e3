#include "server/model/compute_threads.h"

#include <ATen/Parallel.h>

namespace circuitd {

void SetComputeThreads(int threads) {
  if (threads > 0) at::set_num_threads(threads);
}

}  // namespace circuitd
