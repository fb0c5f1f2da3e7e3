// Packed products of layers: the network's own, to rounding.
#include "server/model/layer_products.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

class LayerProductsTest : public ::testing::Test {
 protected:
  const c10::InferenceMode guard_;
  const std::unique_ptr<Model> model_ = testing::TinyModel(3);
  const Gpt2& network_ = model_->network();
  const at::Tensor tokens_ = at::tensor({1, 2, 3, 4, 5, 6}, at::kLong).view({2, 3});
};

TEST_F(LayerProductsTest, GiveTheSameRun) {
  const at::Tensor plain = network_.Run(tokens_);
  for (const int first_packed : {0, 2}) {
    const LayerProducts products(network_, first_packed);
    EXPECT_TRUE(network_.Run(tokens_, nullptr, &products).allclose(plain, 1e-5, 1e-5)) << first_packed;
  }
}

TEST_F(LayerProductsTest, AreTheWeightsThemselvesWhereNothingIsPacked) {
  const LayerProducts products(network_, 3);
  EXPECT_FALSE(products.At(2).in.packed());
  EXPECT_TRUE(network_.Run(tokens_, nullptr, &products).equal(network_.Run(tokens_)));
}

TEST_F(LayerProductsTest, RunTheMlpOnAnyRows) {
  const LayerProducts products(network_, 0);
  const at::Tensor mid = network_.Embed(tokens_);  // [2, 3, 16]
  const at::Tensor post = AddMlp(products, 1, mid);
  EXPECT_TRUE(post.allclose(mid + MlpOut(products, 1, mid), 1e-5, 1e-5));
  EXPECT_TRUE(post[1][2].allclose(AddMlp(products, 1, mid[1][2].unsqueeze(0))[0], 1e-5, 1e-5));
}

TEST_F(LayerProductsTest, CountTheBytesOfPackedLayers) {
  const int64_t of_layer = 4 * (16 * 48 + 16 * 16 + 2 * 16 * model_->config().d_mlp);
  EXPECT_EQ(LayerProducts::PackedBytes(network_, 3), 0);
  EXPECT_EQ(LayerProducts::PackedBytes(network_, 1), 2 * of_layer);
}

}  // namespace
}  // namespace circuitd
