// Every shared pruning run, found in the folder: 32 prompts a variant to convergence, three tasks, several thresholds.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/golden/golden_files.h"
#include "tests/golden/shared_pruning.h"

namespace circuitd {
namespace {

// "months_clean_t20" of node_pruning_months_clean_t20.json.
std::vector<std::string> SharedRuns() {
  const std::string prefix = "node_pruning_";
  std::vector<std::string> runs;
  const auto folder = SharedPath("golden");
  if (!folder.ok()) return runs;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const std::string name = entry.path().stem();
    if (name.compare(0, prefix.size(), prefix) == 0) runs.push_back(name.substr(prefix.size()));
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

TEST(SharedPruningRunsTest, AreFound) {
  const auto folder = SharedPath("golden");
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE(SharedRuns().empty());
}

class SharedPruningSlowTest : public testing::TestWithParam<std::string> {};

TEST_P(SharedPruningSlowTest, MakesTheSameDecisions) { CheckSharedPruning(GetParam()); }

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedPruningSlowTest);
INSTANTIATE_TEST_SUITE_P(Runs, SharedPruningSlowTest, testing::ValuesIn(SharedRuns()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace circuitd
