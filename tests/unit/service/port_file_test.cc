#include "server/service/port_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace circuitd {
namespace {

TEST(PortFileTest, IsThereAsLongAsItsOwner) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "port_file_test";
  {
    const auto file = PortFile::Write(path, 50051, 9464);
    ASSERT_TRUE(file.ok()) << file.status();
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), "50051\n9464\n");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(PortFileTest, NamesAFileThatCantBeWritten) {
  const absl::Status status = PortFile::Write("/nonexistent/folder/ports", 1, 2).status();
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/nonexistent/folder/ports"));
}

}  // namespace
}  // namespace circuitd
