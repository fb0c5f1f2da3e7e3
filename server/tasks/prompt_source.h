// From where a job's prompts come: generated tasks and uploaded files, tokenized into pairs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/config.h"
#include "server/model/prompt_pair.h"
#include "server/model/tokenizer.h"

namespace circuitd {

// Prompts of each variant, in requests.
inline constexpr int kMaxNumSamples = 4096;
// Files of clean prompts in a request: the published tasks have three variants each.
inline constexpr int kMaxCleanFiles = 16;
// All token ids of a job's prompts and answers, 64 MiB: twice what kMaxNumSamples pairs of 1024 tokens, GPT-2's
// longest, have.
inline constexpr int64_t kMaxPromptSetTokens = int64_t{1} << 24;

enum class MultiTokenAnswers { kReject, kFirstToken };

struct PromptSetOptions {
  std::optional<int> num_samples =
      std::nullopt;  // of each variant; nullopt: 32 generated ones, or all that the files pair
  MultiTokenAnswers multi_token_answers = MultiTokenAnswers::kReject;
  int64_t max_tokens = kMaxPromptSetTokens;  // of all pairs together
};

// What tokenizing needs to know of a model. `tokenizer` may be null: then only prompts of token ids pass.
struct ModelVocabulary {
  const Tokenizer* tokenizer = nullptr;
  const ModelConfig* config = nullptr;
};

// A task whose prompts are generated, each with its standard corruption.
struct TaskDescription {
  std::string name;         // "numerals"
  std::string description;  // one line, with where it was published
  std::vector<std::string> variants;
  std::vector<std::string> roles;     // names of positions that its prompts have
  std::vector<std::string> sequence;  // of sequence continuation: " 1", " 2" …; else none
};

// "numerals", "numwords", "months", "ioi", "greater_than", "docstring", "induction". Thread-safe.
const std::vector<TaskDescription>& AllTasks();
// Null if there is none of that name.
const TaskDescription* FindTask(absl::string_view name);

// Sequence continuation (arXiv 2311.04131, section 3): "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4.
// Sun done in" -> " 5", not " 4"; 5 distinct words that are single tokens for this model, start 1..8; the corrupted
// partner has the same words and random members whose last two are not consecutive. Variants follow one another in the
// order given, each with num_samples pairs; the same seed gives the same pairs, and a larger num_samples keeps the
// smaller one's as a prefix of each variant. INVALID_ARGUMENT names an unknown task or variant; FAILED_PRECONDITION if
// too few words are single tokens for this tokenizer, or the model has none, or, naming the prompt, if one is over
// n_ctx or not as long as its partner.
//
// Other tasks are described by AllTasks, and one by one in docs/tasks.md; what holds for all: a pair's prompts have
// equal length and their words at equal positions, and roles name those, "end" the last one. Variants that are none of
// the task's are INVALID_ARGUMENT; none means all. A task without variants has num_samples pairs. FAILED_PRECONDITION,
// too, if the vocabulary makes several tokens of what the task needs as one.
absl::StatusOr<PromptPairs> GeneratePrompts(const ModelVocabulary& model, const std::string& task,
                                            const std::vector<std::string>& variants, uint64_t seed,
                                            const PromptSetOptions& options);

// What pairs in a request must have besides clean prompts.
struct PairNeeds {
  bool corrupted = true;
  bool answers = true;
  bool incorrect = true;  // the answers' incorrect tokens, too
};

// Checks pairs whose tokens came with a request: 1 to kMaxNumSamples of them, 1 to n_ctx tokens, equal lengths, ids
// below d_vocab, 1 to 1000 answers on a side, roles inside the prompt. What is not needed may be missing, in all pairs
// alike. INVALID_ARGUMENT names the place below `field`: "prompts.inline.corrupted[3]: …". Thread-safe.
absl::Status ValidatePairs(const ModelConfig& config, const PromptPairs& pairs, PairNeeds needs,
                           absl::string_view field);

enum class DatasetFormat { kPairs, kPublished };

// Checks a file's lines without a tokenizer. Returns the number of prompts. INVALID_ARGUMENT names the line (from 1),
// the key, and the byte of malformed UTF-8.
absl::StatusOr<int64_t> ValidateDataset(DatasetFormat format, absl::string_view jsonl);

// Pairs of a file of kPairs, with the roles that its lines give. INVALID_ARGUMENT names line and key: lengths that
// differ between clean and corrupted, over n_ctx or empty, ids outside the vocabulary, an answer of several tokens,
// text for a model without tokenizer, a role beyond the clean prompt, num_samples over the file's lines, more tokens
// than max_tokens.
absl::StatusOr<PromptPairs> TokenizePairs(const ModelVocabulary& model, absl::string_view jsonl,
                                          const PromptSetOptions& options);

// Pairs of the published layout: row i of clean file k goes with row k * (corrupted rows / clean files) + i. Errors as
// above.
absl::StatusOr<PromptPairs> TokenizePublished(const ModelVocabulary& model,
                                              const std::vector<absl::string_view>& clean_jsonl,
                                              absl::string_view corrupted_jsonl, const PromptSetOptions& options);

}  // namespace circuitd
