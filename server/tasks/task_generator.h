// What a task with generated prompts consists of: its description, and what makes the pairs of one of its variants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/prompt_pair.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

inline constexpr char kTaskField[] = "prompts.task.task";

// Which pairs are asked for.
struct VariantRequest {
  ModelVocabulary model;  // with a tokenizer, if the task needs one
  std::string task;
  size_t variant = 0;  // in the description's order; 0 for a task without variants
  std::string field;   // of the request, for errors about the variant
  uint64_t seed = 0;
};

// Makes one pair after another. An error is about the pair, FAILED_PRECONDITION whatever its code, and the last.
using PairMaker = std::function<absl::StatusOr<PromptPair>()>;

struct TaskGenerator {
  TaskDescription description;
  bool needs_tokenizer = true;
  // FAILED_PRECONDITION, naming the field, if the vocabulary lacks what the task needs. The request's tokenizer and
  // config outlive the maker. The pairs depend on the request alone: two makers of equal ones make the same.
  absl::StatusOr<PairMaker> (*start)(const VariantRequest& request) = nullptr;
};

TaskGenerator SequenceContinuationTask(const std::string& name);  // "numerals", "numwords" or "months"
TaskGenerator IoiTask();
TaskGenerator GreaterThanTask();
TaskGenerator DocstringTask();
TaskGenerator InductionTask();

}  // namespace circuitd
