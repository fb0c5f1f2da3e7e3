// Prompt pairs as messages of bounded size, each made when it is to be written.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "circuitd/v1/task.pb.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// What a model thinks of a pair's answers, after the clean prompt.
struct AnswerProbabilities {
  int first_choice = 0;
  double correct = 0;
  double incorrect = 0;
};

// Not thread-safe.
class PromptPairsStream {
 public:
  // `probabilities` has one entry a pair, or none.
  PromptPairsStream(std::shared_ptr<const Model> model, PromptPairs pairs,
                    std::vector<AnswerProbabilities> probabilities)
      : model_(std::move(model)), pairs_(std::move(pairs)), probabilities_(std::move(probabilities)) {}

  // The next ones; false after the last.
  bool Next(v1::PromptPairs& message);

 private:
  const std::shared_ptr<const Model> model_;
  PromptPairs pairs_;
  const std::vector<AnswerProbabilities> probabilities_;
  size_t sent_ = 0;
};

// What `pairs` take in memory.
int64_t MemoryOf(const PromptPairs& pairs);

}  // namespace circuitd
