#include "tests/integration/model_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace circuitd {
namespace {

constexpr size_t kLengthBytes = sizeof(uint64_t);

}  // namespace

SafetensorsParts SafetensorsParts::Read(const std::string& path) {
  const std::string bytes = FileBytes(path);
  uint64_t header_bytes = 0;
  EXPECT_GT(bytes.size(), kLengthBytes) << path;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  return {nlohmann::ordered_json::parse(bytes.substr(kLengthBytes, header_bytes)),
          bytes.substr(kLengthBytes + header_bytes)};
}

std::string SafetensorsParts::Bytes(uint64_t header_bytes) const {
  std::string length(kLengthBytes, '\0');
  std::memcpy(length.data(), &header_bytes, kLengthBytes);
  return length + header.dump() + data;
}

void WriteModelFolder(const std::string& repository, const std::string& name,
                      const std::map<std::string, std::string>& files) {
  const std::filesystem::path folder = std::filesystem::path(repository) / name;
  std::filesystem::create_directories(folder);
  for (const auto& [file, bytes] : files) std::ofstream(folder / file, std::ios::binary) << bytes;
}

std::string FileBytes(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

}  // namespace circuitd
