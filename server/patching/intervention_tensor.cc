#include "server/patching/intervention_tensor.h"

#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace circuitd {
namespace {

// Those of no slice have more: a slice's three, and prompts.
constexpr size_t kMaxAxes = 4;

std::string Bracketed(absl::Span<const int64_t> numbers) {
  return absl::StrCat("[", absl::StrJoin(numbers, ", "), "]");
}

absl::Status ValidateShape(const HostTensor& tensor) {
  if (tensor.shape.size() > kMaxAxes) {
    return InvalidField("shape", absl::StrCat(tensor.shape.size(), " axes, must be at most ", kMaxAxes));
  }
  int64_t bytes = DTypeSize(tensor.dtype);
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    const int64_t size = tensor.shape[axis];
    if (size < 0) return InvalidField(absl::StrCat("shape[", axis, "]"), absl::StrCat(size, ", must be at least 0"));
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return InvalidField("shape", absl::StrCat(Bracketed(tensor.shape), " has too many elements"));
    }
  }
  if (static_cast<uint64_t>(bytes) != tensor.data.size()) {
    return InvalidField("data", absl::StrCat(tensor.data.size(), " bytes, shape ", Bracketed(tensor.shape), " of ",
                                             DTypeName(tensor.dtype), " has ", bytes));
  }
  return absl::OkStatus();
}

// The bits of an IEEE float type: where all of `exponent` are set, it is an infinity or no number.
struct FloatBits {
  uint32_t sign, exponent, mantissa;
};

FloatBits BitsOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return {0x8000, 0x7C00, 0x03FF};
    case DType::kBFloat16:
      return {0x8000, 0x7F80, 0x007F};
    default:
      return {0x80000000, 0x7F800000, 0x007FFFFF};
  }
}

// "[2, 0]": where in the shape the element of this number is.
std::string ElementName(absl::Span<const int64_t> shape, int64_t element) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = element % shape[axis];
    element /= shape[axis];
  }
  return Bracketed(index);
}

absl::Status ValidateElements(const HostTensor& tensor, bool minus_infinity) {
  const FloatBits bits = BitsOf(tensor.dtype);
  const size_t size = DTypeSize(tensor.dtype);
  for (size_t offset = 0; offset < tensor.data.size(); offset += size) {
    uint32_t element = 0;
    std::memcpy(&element, tensor.data.data() + offset, size);  // both little-endian
    if ((element & bits.exponent) != bits.exponent) continue;
    const bool negative = (element & bits.sign) != 0, nan = (element & bits.mantissa) != 0;
    if (minus_infinity && negative && !nan) continue;
    return InvalidField("data", absl::StrCat("element ", ElementName(tensor.shape, offset / size), " is ",
                                             nan        ? "nan"
                                             : negative ? "-inf"
                                                        : "inf",
                                             ", must be finite", minus_infinity ? " or -inf" : ""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateFloatTensor(const HostTensor& tensor, bool minus_infinity) {
  if (tensor.dtype == DType::kInt64) {
    return InvalidField("data_type", "int64, must be float32, float16 or bfloat16");
  }
  RETURN_IF_ERROR(ValidateShape(tensor));
  return ValidateElements(tensor, minus_infinity);
}

absl::Status ValidateBroadcast(const HostTensor& tensor, absl::Span<const int64_t> slice, size_t prompt_count,
                               absl::string_view prompt_name) {
  absl::Span<const int64_t> shape = tensor.shape;
  if (shape.size() == slice.size() + 1) {
    if (static_cast<uint64_t>(shape[0]) != prompt_count) {
      return InvalidField("shape", absl::StrCat(Bracketed(shape), ", its first axis needs one entry for each of the ",
                                                prompt_count, " prompts"));
    }
    shape.remove_prefix(1);
  }
  bool fits = shape.size() <= slice.size();
  for (size_t k = 1; fits && k <= shape.size(); ++k) {
    fits = shape[shape.size() - k] == 1 || shape[shape.size() - k] == slice[slice.size() - k];
  }
  if (fits) return absl::OkStatus();
  return InvalidField("shape", absl::StrCat(Bracketed(tensor.shape), " does not broadcast to ", Bracketed(slice),
                                            ", the slice of ", prompt_name));
}

}  // namespace circuitd
