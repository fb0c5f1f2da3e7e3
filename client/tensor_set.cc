#include "client/tensor_set.h"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

double FromHalf(uint64_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto fraction = static_cast<double>(bits & 0x3ff);
  if (exponent == 0x1f) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

double Number(v1::DataType type, uint64_t bits) {
  switch (type) {
    case v1::DATA_TYPE_FLOAT16:
      return FromHalf(bits);
    case v1::DATA_TYPE_BFLOAT16:
      return std::bit_cast<float>(static_cast<uint32_t>(bits << 16));
    case v1::DATA_TYPE_INT64:
      return static_cast<double>(static_cast<int64_t>(bits));
    default:
      return std::bit_cast<float>(static_cast<uint32_t>(bits));
  }
}

}  // namespace

std::vector<double> NumbersOf(const NamedTensor& tensor) {
  const uint64_t size = ElementBytes(tensor.data_type).value_or(1);
  std::vector<double> numbers;
  numbers.reserve(tensor.data.size() / size);
  for (size_t at = 0; at + size <= tensor.data.size(); at += size) {
    numbers.push_back(Number(tensor.data_type, LittleEndian(absl::string_view(tensor.data).substr(at, size))));
  }
  return numbers;
}

absl::StatusOr<const NamedTensor*> TensorSet::Find(absl::string_view name) const {
  for (const NamedTensor& tensor : tensors_) {
    if (tensor.name == name) return &tensor;
  }
  return absl::DataLossError(absl::StrCat("the server's reply has no tensor ", name));
}

absl::StatusOr<std::vector<double>> TensorSet::Read(absl::string_view name, const std::vector<int64_t>& shape) const {
  ASSIGN_OR_RETURN(const NamedTensor* tensor, Find(name));
  if (tensor->shape != shape) {
    return absl::DataLossError(absl::StrCat(name, ": the server sent the shape [", absl::StrJoin(tensor->shape, ", "),
                                            "] where its summary asks for [", absl::StrJoin(shape, ", "), "]"));
  }
  return NumbersOf(*tensor);
}

void TensorSet::AddFloats(std::string name, std::vector<int64_t> shape, const std::vector<double>& values) {
  NamedTensor tensor{std::move(name), v1::DATA_TYPE_FLOAT32, std::move(shape), ""};
  for (double value : values) {
    const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
    for (int shift = 0; shift < 32; shift += 8) tensor.data.push_back(static_cast<char>(bits >> shift & 0xff));
  }
  tensors_.push_back(std::move(tensor));
}

}  // namespace circuitd::client
