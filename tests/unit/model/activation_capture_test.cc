// What a capture may ask for, and how many bytes it makes.
#include "server/model/activation_capture.h"

#include <gtest/gtest.h>

#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using testing::TinyConfig;

const std::vector<std::vector<int>> kPrompts = {{1, 2, 3}, {4, 5}};
const HookPoint kZ0{HookKind::kZ, 0}, kPattern1{HookKind::kPattern, 1}, kMlpOut1{HookKind::kMlpOut, 1};

std::string Validate(const CaptureSelection& selection, const std::vector<PromptRoles>& roles = {}) {
  const absl::Status status = ValidateCapture(TinyConfig(), selection, kPrompts, roles);
  EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

int64_t Bytes(const CaptureSelection& selection) {
  return CaptureBytes(TinyConfig(), selection, kPrompts, {}, sizeof(float));
}

TEST(ActivationCaptureTest, AcceptsWhatIsThere) {
  EXPECT_EQ(Validate({}), "");
  EXPECT_EQ(Validate({{kZ0, kMlpOut1}, {3, 0}, {{-1, 0}, {}, {}}}), "");
  EXPECT_EQ(Validate({{kMlpOut1}, {}, {{}, {}, {"x"}}}, {{{"x", 2}}, {{"x", 0}}}), "");
}

TEST(ActivationCaptureTest, NamesTheHeadThatIsNotThere) {
  EXPECT_EQ(Validate({{kZ0}, {0, 4}, {}}), "heads[1]: 4, model has 4 (0-3)");
  EXPECT_EQ(Validate({{kZ0}, {-1}, {}}), "heads[0]: -1, model has 4 (0-3)");
  EXPECT_EQ(Validate({{kPattern1}, {1, 2, 1}, {}}), "heads[2]: 1 is there twice");
  EXPECT_EQ(Validate({{kMlpOut1}, {0}, {}}), "heads: 1, none of the hook points has heads");
}

TEST(ActivationCaptureTest, NamesThePromptThatLacksAPosition) {
  EXPECT_EQ(Validate({{kZ0}, {}, {{0, 2}, {}, {}}}), "positions.indices[1]: 2, prompts[1] has 2 tokens");
  EXPECT_EQ(Validate({{kZ0}, {}, {{}, {}, {"last_member"}}}, {{{"last_member", 0}}, {}}),
            "positions.roles[0]: prompts[1] has no role \"last_member\"");
}

TEST(ActivationCaptureTest, CountsBytesWithoutPadding) {
  EXPECT_EQ(Bytes({}), 0);
  EXPECT_EQ(Bytes({{kMlpOut1}, {}, {}}), (3 + 2) * 16 * 4);
  EXPECT_EQ(Bytes({{kZ0}, {}, {}}), (3 + 2) * 4 * 4 * 4);
  EXPECT_EQ(Bytes({{kPattern1}, {}, {}}), (3 * 3 + 2 * 2) * 4 * 4);
  EXPECT_EQ(Bytes({{kZ0, kPattern1, kMlpOut1}, {2}, {{-1}, {}, {}}}), 2 * 4 * 4 + (3 + 2) * 4 + 2 * 16 * 4);
}

TEST(ActivationCaptureTest, NeedsTheDeviceForOneSliceAtATime) {
  const auto bytes = [](std::vector<HookPoint> hooks) {
    return CaptureBytesPerToken(TinyConfig(), {std::move(hooks), {}, {}}, 10, sizeof(float));
  };
  EXPECT_EQ(bytes({}), 0);
  EXPECT_EQ(bytes({kMlpOut1}), 16 * 4);
  EXPECT_EQ(bytes({kMlpOut1, kPattern1, kZ0}), 4 * 10 * 4);
  EXPECT_EQ(bytes({{HookKind::kResult, 0}, {HookKind::kResult, 1}}), 2 * 4 * 16 * 4);
}

}  // namespace
}  // namespace circuitd
