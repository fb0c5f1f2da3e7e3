// Pairs from a file that has both prompts of a pair in one line.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/num_samples.h"
#include "server/tasks/pair_collector.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_roles.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/prompt_tokens.h"

namespace circuitd {
namespace {

constexpr char kField[] = "prompts.pairs_dataset_sha256";

absl::StatusOr<PromptPair> TokenizePair(const ModelVocabulary& model, const PairLine& line,
                                        MultiTokenAnswers multi_token) {
  PromptPair pair;
  ASSIGN_OR_RETURN(pair.clean, PromptTokens(model, "\"clean\"", line.clean));
  ASSIGN_OR_RETURN(pair.corrupted, PromptTokens(model, "\"corrupted\"", line.corrupted));
  if (pair.corrupted.size() != pair.clean.size()) {
    return absl::InvalidArgumentError(absl::StrCat("\"corrupted\": ", pair.corrupted.size(),
                                                   " tokens, but \"clean\" has ", pair.clean.size(),
                                                   ": a pair's lengths must be equal"));
  }
  ASSIGN_OR_RETURN(pair.correct, AnswerTokens(model, "\"correct\"", line.correct, multi_token));
  ASSIGN_OR_RETURN(pair.incorrect, AnswerTokens(model, "\"incorrect\"", line.incorrect, multi_token));
  if (const absl::Status roles = CheckRolePositions(line.roles, pair.clean.size()); !roles.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("\"roles\"", roles.message()));
  }
  pair.roles = line.roles;
  return pair;
}

}  // namespace

absl::StatusOr<PromptPairs> TokenizePairs(const ModelVocabulary& model, absl::string_view jsonl,
                                          const PromptSetOptions& options) {
  const size_t available = CountLines(jsonl);
  if (available == 0) return InvalidField(kField, "the file has no prompts");
  ASSIGN_OR_RETURN(const size_t count, ChooseNumSamples(options.num_samples, available, "the file"));
  PairCollector pairs(options.max_tokens);
  LineReader lines(jsonl);
  for (size_t i = 0; i < count; ++i) {
    const NumberedLine numbered = *lines.Next();
    const auto line = ParsePairLine(numbered);
    if (!line.ok()) return WithFieldPrefix(kField, line.status());
    auto pair = TokenizePair(model, *line, options.multi_token_answers);
    if (!pair.ok()) return WithFieldPrefix(kField, AtLine(numbered, pair.status()));
    RETURN_IF_ERROR(pairs.Add(*std::move(pair), kField));
  }
  return pairs.Take();
}

}  // namespace circuitd
