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

// "numerals", "numwords", "months", and "done", "lost", "names".
const std::vector<std::string>& GeneratedTaskNames();
const std::vector<std::string>& GeneratedVariantNames();

// Sequence continuation (arXiv 2311.04131, section 3): "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4.
// Sun done in" -> " 5", not " 4"; 5 distinct words that are single tokens for this model, start 1..8; the corrupted
// partner has the same words and random members whose last two are not consecutive. Variants follow one another in the
// order given, each with num_samples pairs; the same seed gives the same pairs, and a larger num_samples keeps the
// smaller one's as a prefix of each variant. INVALID_ARGUMENT names an unknown task or variant; FAILED_PRECONDITION if
// too few words are single tokens for this tokenizer, or the model has none, or, naming the prompt, if one is over
// n_ctx or not as long as its partner.
absl::StatusOr<PromptPairs> GenerateSequenceContinuation(const ModelVocabulary& model, const std::string& task,
                                                         const std::vector<std::string>& variants, uint64_t seed,
                                                         const PromptSetOptions& options);

enum class DatasetFormat { kPairs, kPublished };

// Checks a file's lines without a tokenizer. Returns the number of prompts. INVALID_ARGUMENT names the line (from 1),
// the key, and the byte of malformed UTF-8.
absl::StatusOr<int64_t> ValidateDataset(DatasetFormat format, absl::string_view jsonl);

// Pairs of a file of kPairs. INVALID_ARGUMENT names line and key: lengths that differ between clean and corrupted, over
// n_ctx or empty, ids outside the vocabulary, an answer of several tokens, text for a model without tokenizer,
// num_samples over the file's lines, more tokens than max_tokens.
absl::StatusOr<PromptPairs> TokenizePairs(const ModelVocabulary& model, absl::string_view jsonl,
                                          const PromptSetOptions& options);

// Pairs of the published layout: row i of clean file k goes with row k * (corrupted rows / clean files) + i. Errors as
// above.
absl::StatusOr<PromptPairs> TokenizePublished(const ModelVocabulary& model,
                                              const std::vector<absl::string_view>& clean_jsonl,
                                              absl::string_view corrupted_jsonl, const PromptSetOptions& options);

}  // namespace circuitd
