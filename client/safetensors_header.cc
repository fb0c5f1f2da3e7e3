#include "client/safetensors_header.h"

#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

const char* TypeName(v1::DataType type) {
  switch (type) {
    case v1::DATA_TYPE_FLOAT16:
      return "F16";
    case v1::DATA_TYPE_BFLOAT16:
      return "BF16";
    case v1::DATA_TYPE_INT64:
      return "I64";
    default:
      return "F32";
  }
}

}  // namespace

std::string SafetensorsHeader(const std::vector<TensorInfo>& tensors) {
  // Written piece by piece: an object of nlohmann's that keeps its order looks every new name up among all others.
  std::string json = "{";
  uint64_t begin = 0;
  for (const TensorInfo& tensor : tensors) {
    const uint64_t end = begin + tensor.bytes;
    const nlohmann::json entry = {
        {"dtype", TypeName(tensor.data_type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    json += json.size() > 1 ? "," : "";
    json += nlohmann::json(tensor.name).dump() + ":" + entry.dump();
    begin = end;
  }
  json += "}";
  // Spaces up to a multiple of 8, so that the data is aligned.
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) length.push_back(static_cast<char>(json.size() >> shift & 0xff));
  return length + json;
}

}  // namespace circuitd::client
