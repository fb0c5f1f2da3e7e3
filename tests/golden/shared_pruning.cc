#include "tests/golden/shared_pruning.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_files.h"
#include "tests/golden/pruning_golden.h"

namespace circuitd {

void CheckSharedPruning(const std::string& name) {
  const auto folder = SharedPath("models/seqcont-4l");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto path = SharedPath(absl::StrCat("golden/node_pruning_", name, ".json"));
  ASSERT_TRUE(path.ok()) << path.status();
  const auto shared = ReadSharedPruning(*path);
  ASSERT_TRUE(shared.ok()) << shared.status();
  const auto model = LoadFolder(*folder);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto pairs = ReadPublishedPrompts(**model, shared->golden.task, shared->num_samples);
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ExpectSamePruning(**model, *pairs, shared->golden);
}

}  // namespace circuitd
