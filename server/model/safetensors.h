// Reads tensors from a safetensors file that may be truncated or hostile.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/host_tensor.h"
#include "server/model/input_file.h"
#include "server/model/safetensors_header.h"

namespace circuitd {

// An open file and its checked header. Reads with pread and maps nothing: a file that somebody truncates or overwrites
// meanwhile is an error or a wrong checksum, never a crash. Const methods are thread-safe.
class SafetensorsFile {
 public:
  // `label` is what messages call the file. FAILED_PRECONDITION, naming it and the bound, unless it is a regular file
  // with a header that ParseSafetensorsHeader accepts.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path, std::string label);

  const std::string& label() const { return file_.label(); }
  const FileStamp& stamp() const { return file_.stamp(); }
  const std::map<std::string, SafetensorsEntry>& tensors() const { return header_.tensors; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  // Bytes [begin, begin + size) of a tensor of this file into `buffer`. FAILED_PRECONDITION if the file has become
  // shorter, or on an I/O error.
  absl::Status ReadBytes(const SafetensorsEntry& entry, int64_t begin, int64_t size, char* buffer) const;

  // A whole tensor. NOT_FOUND if there is none of that name; FAILED_PRECONDITION if DType does not have its dtype.
  absl::StatusOr<HostTensor> Read(absl::string_view name) const;

 private:
  SafetensorsFile(InputFile file, SafetensorsHeader header, int64_t data_begin);

  InputFile file_;
  SafetensorsHeader header_;
  int64_t data_begin_;
};

}  // namespace circuitd
