// The short ones of the shared pruning runs: eight prompts a variant, one iteration, both definitions of the means.
#include "tests/golden/shared_pruning.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

class SharedPruningTest : public testing::TestWithParam<std::string> {};

TEST_P(SharedPruningTest, MakesTheSameDecisions) { CheckSharedPruning(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Runs, SharedPruningTest,
                         testing::Values("numerals_seqcont_t75_n8_one_iter", "numerals_clean_t75_n8_one_iter"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace circuitd
