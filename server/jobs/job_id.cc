#include "server/jobs/job_id.h"

#include <algorithm>
#include <random>

namespace circuitd {
namespace {
constexpr absl::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr int kLength = 12;
}  // namespace

std::string NewJobId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < kLength; ++i) id += kAlphabet[random() % kAlphabet.size()];
  return id;
}

bool IsJobId(absl::string_view text) {
  return text.size() == kLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return kAlphabet.find(c) != absl::string_view::npos; });
}

}  // namespace circuitd
