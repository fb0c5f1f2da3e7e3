// Names of hook points.
#include "server/model/hook_point.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

TEST(HookPointTest, ReadsWhatItWrites) {
  for (int kind = 0; kind <= static_cast<int>(HookKind::kLnFinalNormalized); ++kind) {
    HookPoint point{static_cast<HookKind>(kind), 3};
    const std::string name = HookPointName(point);
    if (name.rfind("blocks.", 0) != 0) point.layer = -1;
    const auto parsed = ParseHookPoint(name, 4);
    ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.status();
    EXPECT_EQ(*parsed, point) << name;
  }
}

TEST(HookPointTest, NamesTheBoundOfALayer) {
  EXPECT_EQ(ParseHookPoint("blocks.12.attn.hook_z", 12).status().message(), "layer 12, model has 12 (0-11)");
}

TEST(HookPointTest, RejectsOtherNames) {
  for (const char* name :
       {"", "hook_z", "blocks.", "blocks.0", "blocks.0.", "blocks.-1.hook_mlp_out", "blocks.+1.hook_mlp_out",
        "blocks. 1.hook_mlp_out", "blocks.1.hook_z", "blocks.1.hook_mlp_out ",
        "blocks.99999999999999999999.hook_mlp_out", "blocks.0.hook_embed"}) {
    EXPECT_EQ(ParseHookPoint(name, 12).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace circuitd
