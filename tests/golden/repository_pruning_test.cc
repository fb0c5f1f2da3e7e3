// Complete node pruning runs on the shipped model, made by make_node_pruning.py with Hugging Face transformers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_files.h"
#include "tests/golden/pruning_golden.h"

namespace circuitd {
namespace {

class RepositoryPruningTest : public testing::TestWithParam<std::string> {};

TEST_P(RepositoryPruningTest, MakesTheSameDecisions) {
  const auto golden =
      ReadRepositoryPruning(RepositoryPath(absl::StrCat("tests/golden/node_pruning_", GetParam(), ".json")));
  ASSERT_TRUE(golden.ok()) << golden.status();
  const auto pairs = ReadDumpedPrompts(RepositoryPath(absl::StrCat("tests/golden/prompts_", golden->task, ".jsonl")));
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  const auto model = LoadFolder(RepositoryPath("models/seqcont-demo"));
  ASSERT_TRUE(model.ok()) << model.status();
  ExpectSamePruning(**model, *pairs, *golden);
}

INSTANTIATE_TEST_SUITE_P(Runs, RepositoryPruningTest,
                         testing::Values("numerals_seqcont_t20", "numerals_clean_t20", "numwords_seqcont_t20",
                                         "months_seqcont_t20", "numerals_seqcont_t75", "numerals_clean_t75"),
                         [](const auto& info) { return info.param; });

// The runs at threshold 75 remove MLPs, so there the two definitions of their means differ
// by much more than what scores may be off by.
TEST(RepositoryPruningGoldensTest, TellTheDefinitionsOfTheMeansApart) {
  const auto seqcont = ReadRepositoryPruning(RepositoryPath("tests/golden/node_pruning_numerals_seqcont_t75.json"));
  const auto clean = ReadRepositoryPruning(RepositoryPath("tests/golden/node_pruning_numerals_clean_t75.json"));
  ASSERT_TRUE(seqcont.ok()) << seqcont.status();
  ASSERT_TRUE(clean.ok()) << clean.status();
  double largest = 0;
  for (size_t i = 0; i < std::min(seqcont->decisions.size(), clean->decisions.size()); ++i) {
    if (seqcont->decisions[i].node != clean->decisions[i].node) break;
    largest = std::max(largest, std::abs(seqcont->decisions[i].score - clean->decisions[i].score));
  }
  EXPECT_GT(largest, 10 * kScoreTolerance);
}

}  // namespace
}  // namespace circuitd
