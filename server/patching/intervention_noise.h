// Gaussian noise that is the same wherever, and in whatever company, a prompt runs.
#pragma once

#include <cstdint>
#include <vector>

namespace circuitd {

// `count` values of mean 0 and standard deviation 1, for one prompt and one intervention of a request; they depend on
// the arguments and nothing else. SplitMix64 (Steele et al. 2014) and the Box-Muller transform.
std::vector<float> StandardNoise(uint64_t seed, uint64_t prompt, uint64_t intervention, int64_t count);

}  // namespace circuitd
