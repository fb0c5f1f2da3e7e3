#include "server/patching/intervention_values.h"

#include <algorithm>
#include <vector>

#include "server/patching/intervention_noise.h"

namespace circuitd {
namespace {

at::ScalarType TorchType(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return at::kHalf;
    case DType::kBFloat16:
      return at::kBFloat16;
    case DType::kInt64:
      return at::kLong;
    case DType::kFloat32:
      return at::kFloat;
  }
  return at::kFloat;
}

// The tensor, in the request's memory, with all axes it could have: [prompts, positions, width], [prompts, positions,
// heads, width] or [prompts, heads, queries, keys]; those it doesn't have are of size 1.
at::Tensor WithAllAxes(const HostTensor& tensor, HookAxes axes) {
  const size_t rank = axes == HookAxes::kPos ? 3 : 4;
  std::vector<int64_t> shape(rank - tensor.shape.size(), 1);
  shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
  return at::from_blob(const_cast<char*>(tensor.data.data()), shape, TorchType(tensor.dtype));
}

}  // namespace

at::Tensor TensorSlices(const HostTensor& tensor, double coefficient, const SliceIndex& index, MicroBatch batch,
                        const at::Tensor& like) {
  at::Tensor all = WithAllAxes(tensor, index.axes);
  const int64_t batch_size = batch.end - batch.begin;
  if (all.size(0) > 1) all = all.narrow(0, batch.begin, batch_size);
  // In double, where no coefficient that float32 can't hold makes 0 * infinity.
  if (coefficient != 1) all = all.to(at::kDouble) * coefficient;
  all = all.to(like.device(), like.scalar_type());
  // An axis of size 1 has one entry for all.
  const auto entries = [&](const at::Tensor& numbers, int64_t axis) { return numbers.clamp_max(all.size(axis) - 1); };
  if (index.axes == HookAxes::kHeadsQueryKey) {
    all = all.permute({0, 2, 3, 1});  // [prompts, queries, keys, heads]
    return all.index({entries(index.rows, 0), entries(index.position_numbers, 1), entries(index.key_numbers, 2)});
  }
  return all.index({entries(index.rows, 0), entries(index.position_numbers, 1)});
}

at::Tensor NoiseSlices(const AddNoise& noise, size_t intervention, const SliceIndex& index, MicroBatch batch,
                       const at::Tensor& like) {
  at::Tensor values = at::empty(like.sizes(), at::kFloat);
  float* next = values.data_ptr<float>();
  const int64_t at_each_place = index.places() == 0 ? 0 : like.numel() / index.places();
  for (size_t row = 0; row < index.places_of_rows.size(); ++row) {
    const auto prompt =
        StandardNoise(noise.seed, batch.begin + row, intervention, index.places_of_rows[row] * at_each_place);
    next = std::copy(prompt.begin(), prompt.end(), next);
  }
  return (values * noise.standard_deviation).to(like.device(), like.scalar_type());
}

}  // namespace circuitd
