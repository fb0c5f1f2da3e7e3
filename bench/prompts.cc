#include "bench/prompts.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/forward.h"
#include "tools/files.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr int kSentence = 5, kWord = 0, kNumber = 3;
// Prompts that are run to find answers.
constexpr int kProbes = 48;

absl::Status CheckPair(const ModelConfig& config, const PromptPair& pair) {
  RETURN_IF_ERROR(ValidatePrompts(config, "ids", {pair.clean, pair.corrupted}));
  const std::vector<Answer> answers = {{pair.correct, pair.incorrect}};
  RETURN_IF_ERROR(ValidateAnswers(config, answers, 1, /*needs_incorrect=*/true));
  if (pair.clean.size() == pair.corrupted.size()) return absl::OkStatus();
  return absl::InvalidArgumentError("clean_ids and corrupted_ids differ in length");
}

}  // namespace

absl::StatusOr<PromptPairs> RandomPairs(const Model& model, int count, int tokens, uint64_t seed, bool all_differ) {
  std::mt19937_64 generator(seed);  // whose numbers the standard fixes, unlike those of its distributions
  const auto random_token = [&] { return static_cast<int>(generator() % model.config().d_vocab); };
  std::vector<int> sentence(kSentence);
  for (int& token : sentence) token = random_token();

  PromptPairs pairs(count);
  ForwardRequest request;
  request.logits.top_k = 1;
  for (PromptPair& pair : pairs) {
    for (int position = 0; position < tokens; ++position) {
      const int place = position % kSentence;
      pair.clean.push_back(place == kWord || place == kNumber ? random_token() : sentence[place]);
      pair.corrupted.push_back(place == kNumber || all_differ ? random_token() : pair.clean.back());
    }
    if (request.prompts.size() < kProbes) request.prompts.push_back(pair.clean);
  }
  RETURN_IF_ERROR(ValidatePrompts(model.config(), "prompts", request.prompts));
  ASSIGN_OR_RETURN(const ForwardResult result, RunForward(model, request, {}, nullptr));
  for (int i = 0; i < count; ++i) {
    const int likeliest = result.prompts[i % kProbes].top[0].token;
    pairs[i].correct = {likeliest};
    int other = random_token();
    if (other == likeliest) other = (other + 1) % model.config().d_vocab;
    pairs[i].incorrect = {other};
  }
  return pairs;
}

absl::StatusOr<PromptPairs> ReadPairs(const std::string& path, const ModelConfig& config) {
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": can't be read"));
  PromptPairs pairs;
  for (std::string line; std::getline(file, line);) {
    const std::string where = absl::StrCat(path, ":", pairs.size() + 1, ": ");
    PromptPair pair;
    try {
      const json value = json::parse(line);
      value.at("clean_ids").get_to(pair.clean);
      value.at("corrupted_ids").get_to(pair.corrupted);
      value.at("correct_ids").get_to(pair.correct);
      value.at("incorrect_ids").get_to(pair.incorrect);
    } catch (const json::exception& error) {
      return absl::InvalidArgumentError(absl::StrCat(where, error.what()));
    }
    if (const absl::Status status = CheckPair(config, pair); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(where, status.message()));
    }
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": has no lines"));
  return pairs;
}

absl::Status WritePairs(const std::string& path, const PromptPairs& pairs) {
  std::string lines;
  for (const PromptPair& pair : pairs) {
    const json line = {{"clean_ids", pair.clean},
                       {"corrupted_ids", pair.corrupted},
                       {"correct_ids", pair.correct},
                       {"incorrect_ids", pair.incorrect}};
    absl::StrAppend(&lines, line.dump(), "\n");
  }
  return WriteFile(path, lines);
}

}  // namespace circuitd
