// Random numbers that are the same everywhere: the standard's distributions differ from library to library.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <utility>
#include <vector>

namespace circuitd {

// Not thread-safe.
class Random {
 public:
  // Another `stream` gives other numbers for the same seed.
  Random(uint64_t seed, uint32_t stream) : Random(seed, {stream}) {}
  // The same for streams that several numbers tell apart.
  Random(uint64_t seed, std::initializer_list<uint32_t> stream) {
    std::vector<uint32_t> words{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
    words.insert(words.end(), stream);
    std::seed_seq sequence(words.begin(), words.end());
    engine_.seed(sequence);
  }

  // Uniform in 0 … bound - 1; `bound` is positive.
  int Below(int bound) {
    const uint64_t size = static_cast<uint64_t>(bound);
    // 2^64 mod size values at the bottom are drawn again, so that every remainder is equally likely.
    const uint64_t least = (0 - size) % size;
    uint64_t value = engine_();
    while (value < least) value = engine_();
    return static_cast<int>(value % size);
  }

 private:
  std::mt19937_64 engine_;
};

// The first steps of a Fisher-Yates shuffle: `count` random items, each another one, come to the front. There must be
// as many.
template <typename T>
void DrawToFront(Random& random, std::vector<T>& items, int count) {
  for (int k = 0; k < count; ++k) {
    std::swap(items[k], items[k + random.Below(static_cast<int>(items.size()) - k)]);
  }
}

}  // namespace circuitd
