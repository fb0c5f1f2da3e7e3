#include "server/patching/intervention_noise.h"

#include <cmath>
#include <numbers>

namespace circuitd {
namespace {

uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}

  uint64_t Next() { return Mix(state_ += kGamma); }
  // In (0, 1].
  double NextUniform() { return static_cast<double>((Next() >> 11) + 1) * 0x1p-53; }

  static constexpr uint64_t kGamma = 0x9E3779B97F4A7C15;

 private:
  uint64_t state_;
};

}  // namespace

std::vector<float> StandardNoise(uint64_t seed, uint64_t prompt, uint64_t intervention, int64_t count) {
  // Mixed one after the other, so that near numbers start far from each other.
  uint64_t state = Mix(seed + SplitMix64::kGamma);
  state = Mix(state + prompt + SplitMix64::kGamma);
  state = Mix(state + intervention + SplitMix64::kGamma);
  SplitMix64 random(state);
  std::vector<float> noise(count);
  for (int64_t i = 0; i < count; i += 2) {
    const double radius = std::sqrt(-2 * std::log(random.NextUniform()));
    const double angle = 2 * std::numbers::pi * random.NextUniform();
    noise[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < count) noise[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return noise;
}

}  // namespace circuitd
