#include "client/tensor_order.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

constexpr int kMaxRank = 16;
// The safetensors format's bound on a header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
// Of a header's entry without the name; a dimension has up to 20 digits.
constexpr uint64_t kEntryBytes = 100;
constexpr uint64_t kDimensionBytes = 21;

absl::StatusOr<uint64_t> ByteCount(const v1::TensorChunk& chunk) {
  const auto element = ElementBytes(chunk.data_type());
  if (!element) return absl::DataLossError(absl::StrCat(chunk.name(), ": unknown data type ", chunk.data_type()));
  if (chunk.shape_size() > kMaxRank) {
    return absl::DataLossError(absl::StrCat(chunk.name(), ": ", chunk.shape_size(), " dimensions"));
  }
  uint64_t bytes = *element;
  for (int64_t dimension : chunk.shape()) {
    if (dimension < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes)) {
      return absl::DataLossError(absl::StrCat(chunk.name(), ": impossible shape"));
    }
  }
  return bytes;
}

}  // namespace

std::optional<uint64_t> ElementBytes(v1::DataType type) {
  switch (type) {
    case v1::DATA_TYPE_FLOAT32:
      return 4;
    case v1::DATA_TYPE_FLOAT16:
    case v1::DATA_TYPE_BFLOAT16:
      return 2;
    case v1::DATA_TYPE_INT64:
      return 8;
    default:
      return std::nullopt;
  }
}

absl::Status TensorOrder::Begin(const v1::TensorChunk& chunk) {
  RETURN_IF_ERROR(Finish());
  ASSIGN_OR_RETURN(const uint64_t bytes, ByteCount(chunk));
  // The format keeps this name for itself.
  if (chunk.name() == "__metadata__") return absl::DataLossError("a tensor is named __metadata__");
  if (!names_.insert(chunk.name()).second) return absl::DataLossError(absl::StrCat(chunk.name(), ": came twice"));
  // Control characters of names take six bytes of a header each.
  header_bytes_ += kEntryBytes + 6 * chunk.name().size() + kDimensionBytes * static_cast<uint64_t>(chunk.shape_size());
  if (header_bytes_ > kMaxHeaderBytes) return absl::ResourceExhaustedError("more tensors than one file can hold");
  tensors_.push_back({chunk.name(), chunk.data_type(), {chunk.shape().begin(), chunk.shape().end()}, bytes});
  received_ = 0;
  return absl::OkStatus();
}

absl::Status TensorOrder::Add(const v1::TensorChunk& chunk) {
  if (chunk.offset() == 0) RETURN_IF_ERROR(Begin(chunk));
  if (tensors_.empty() || tensors_.back().name != chunk.name() || received_ != chunk.offset()) {
    return absl::DataLossError(absl::StrCat(chunk.name(), ": a chunk at offset ", chunk.offset(), " is out of order"));
  }
  if (chunk.data().size() > tensors_.back().bytes - received_) {
    return absl::DataLossError(absl::StrCat(chunk.name(), ": more than its ", tensors_.back().bytes, " bytes came"));
  }
  received_ += chunk.data().size();
  return absl::OkStatus();
}

absl::Status TensorOrder::Finish() const {
  if (tensors_.empty() || received_ == tensors_.back().bytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(tensors_.back().name, ": ", received_, " of ", tensors_.back().bytes, " bytes came"));
}

}  // namespace circuitd::client
