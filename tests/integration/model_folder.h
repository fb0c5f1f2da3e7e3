// Model folders with safetensors files that no library would write.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace circuitd {

// A safetensors file in its parts: eight bytes of header length, the header, the data.
struct SafetensorsParts {
  nlohmann::ordered_json header;
  std::string data;

  static SafetensorsParts Read(const std::string& path);
  // `header_bytes` takes the place of the header's true length.
  std::string Bytes(uint64_t header_bytes) const;
  std::string Bytes() const { return Bytes(header.dump().size()); }
};

// Writes a folder of `files` (name to bytes) into the repository.
void WriteModelFolder(const std::string& repository, const std::string& name,
                      const std::map<std::string, std::string>& files);

// The whole file.
std::string FileBytes(const std::string& path);

}  // namespace circuitd
