#include "server/service/float32_tensor.h"

#include <cstring>
#include <utility>

namespace circuitd {

HostTensor Float32Tensor(std::vector<int64_t> shape, const std::vector<double>& values) {
  HostTensor tensor{DType::kFloat32, std::move(shape), std::string(values.size() * sizeof(float), '\0')};
  char* out = tensor.data.data();
  for (const double value : values) {
    const auto rounded = static_cast<float>(value);
    std::memcpy(out, &rounded, sizeof rounded);
    out += sizeof rounded;
  }
  return tensor;
}

}  // namespace circuitd
