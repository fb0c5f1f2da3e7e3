// The pieces that a forward pass and node pruning are made of, each apart, on GPT-2 small's shape and 48 prompts of 23
// tokens; and what loading and preparing do.
//
//   cmake --preset bench && cmake --build build/bench --target pieces
//   OMP_NUM_THREADS=1 build/bench/bench/pieces --benchmark_filter=Product
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/random_model.h"
#include "server/model/compute_threads.h"
#include "server/model/gpt2.h"
#include "server/model/layer_parts.h"
#include "server/model/layer_products.h"
#include "server/model/packed_affine.h"
#include "server/model/safetensors.h"
#include "server/model/tokenizer.h"

namespace circuitd {
namespace {

constexpr int64_t kPrompts = 48, kTokens = 23;
constexpr char kShippedModel[] = CIRCUITD_SOURCE_DIR "/models/seqcont-demo";

const Gpt2& Network() {
  static const std::unique_ptr<Model> model = RandomModel(*ShapeNamed("gpt2"), /*seed=*/1);
  return model->network();
}

const ModelConfig& Config() { return Network().config(); }
const BlockWeights& Block() { return Network().weights().blocks[0]; }

void CountFlops(benchmark::State& state, double flops) {
  state.counters["FLOPS"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// Times `body` in inference mode, as all of the server's forward passes run.
template <typename Body>
void Time(benchmark::State& state, const Body& body) {
  const c10::InferenceMode guard;
  for (auto _ : state) benchmark::DoNotOptimize(body());
}

void LayerNorm(benchmark::State& state) {
  const at::Tensor x = at::randn({kPrompts, kTokens, Config().d_model});
  Time(state, [&] { return Ln1(Network(), 0, x); });
}
BENCHMARK(LayerNorm)->Unit(benchmark::kMillisecond);

void Attention(benchmark::State& state) {
  const std::vector<int64_t> shape = {kPrompts, kTokens, Config().n_heads, Config().d_head};
  const at::Tensor q = at::randn(shape), k = at::randn(shape), v = at::randn(shape);
  const at::Tensor future = FutureMask(0, kTokens, at::kCPU);
  Time(state, [&] { return ZOf(AttentionPattern(Config(), 0, q, k, future), v); });
}
BENCHMARK(Attention)->Unit(benchmark::kMillisecond);

void Mlp(benchmark::State& state) {
  const at::Tensor x = at::randn({kPrompts * kTokens, Config().d_model});
  const LayerProducts plain(Network(), /*first_packed=*/Config().n_layers);
  Time(state, [&] { return MlpOut(plain, 0, x); });
  CountFlops(state, 4.0 * kPrompts * kTokens * Config().d_model * Config().d_mlp);
}
BENCHMARK(Mlp)->Unit(benchmark::kMillisecond);

void MlpPacked(benchmark::State& state) {
  const at::Tensor x = at::randn({kPrompts * kTokens, Config().d_model});
  const PackedAffine in(Block().in_weight, Block().in_bias, /*pack=*/true);
  const PackedAffine out(Block().out_weight, Block().out_bias, /*pack=*/true);
  Time(state, [&] { return out(in.Activated(Config(), Ln2(Network(), 0, x))); });
  CountFlops(state, 4.0 * kPrompts * kTokens * Config().d_model * Config().d_mlp);
  state.SetLabel(in.packed() ? "packed" : "not packed here");
}
BENCHMARK(MlpPacked)->Unit(benchmark::kMillisecond);

// x W + b with the MLP's first weight, of so many rows.
void Product(benchmark::State& state, bool pack) {
  const at::Tensor x = at::randn({state.range(0), Config().d_model});
  const PackedAffine product(Block().in_weight, Block().in_bias, pack);
  Time(state, [&] { return product(x); });
  CountFlops(state, 2.0 * state.range(0) * Config().d_model * Config().d_mlp);
  if (pack != product.packed()) state.SetLabel("not packed here");
}
void ProductPlain(benchmark::State& state) { Product(state, false); }
void ProductPacked(benchmark::State& state) { Product(state, true); }
BENCHMARK(ProductPlain)->Arg(1)->Arg(48)->Arg(512)->Arg(kPrompts* kTokens)->Unit(benchmark::kMillisecond);
BENCHMARK(ProductPacked)->Arg(1)->Arg(48)->Arg(512)->Arg(kPrompts* kTokens)->Unit(benchmark::kMillisecond);

// All logits of each prompt's last position, LayerNorm included.
void Unembedding(benchmark::State& state) {
  const at::Tensor x = at::randn({state.range(0), Config().d_model});
  Time(state, [&] { return Network().Unembed(x); });
  CountFlops(state, 2.0 * state.range(0) * Config().d_model * Config().d_vocab);
}
BENCHMARK(Unembedding)->Arg(1)->Arg(kPrompts)->Unit(benchmark::kMillisecond);

void Tokenizing(benchmark::State& state) {
  const auto tokenizer = Tokenizer::Load(kShippedModel);
  if (!tokenizer.ok()) return state.SkipWithError(tokenizer.status().ToString().c_str());
  const std::string text = "Sand done in 4. Water done in 5. Corn done in 6. Cow done in 7. Sea done in";
  for (auto _ : state) benchmark::DoNotOptimize((*tokenizer)->Encode(text));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(Tokenizing)->Unit(benchmark::kMicrosecond);

// Opening the shipped model's weights, checking the header and reading every tensor.
void ReadingSafetensors(benchmark::State& state) {
  int64_t bytes = 0;
  for (auto _ : state) {
    const auto file = SafetensorsFile::Open(std::string(kShippedModel) + "/model.safetensors", "model.safetensors");
    if (!file.ok()) return state.SkipWithError(file.status().ToString().c_str());
    for (const auto& [name, entry] : file->tensors()) {
      benchmark::DoNotOptimize(file->Read(name));
      bytes += entry.size;
    }
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(ReadingSafetensors)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::SleepWhileIdle(argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
