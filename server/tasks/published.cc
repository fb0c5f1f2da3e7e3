// Pairs from files in the layout published with arXiv 2311.04131: one of clean prompts for each variant, and one of
// corrupted prompts for all of them.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/num_samples.h"
#include "server/tasks/pair_collector.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/prompt_tokens.h"

namespace circuitd {
namespace {

constexpr char kCorruptedField[] = "prompts.published.corrupted_dataset_sha256";

std::string CleanField(size_t file) { return absl::StrCat("prompts.published.clean_dataset_sha256s[", file, "]"); }

// The clean file's answers count; the corrupted line's are those of its clean partner, as published.
absl::StatusOr<PromptPair> CleanSide(const ModelVocabulary& model, const NumberedLine& numbered,
                                     MultiTokenAnswers multi_token) {
  ASSIGN_OR_RETURN(const PublishedLine line, ParsePublishedLine(numbered));
  const auto tokenize = [&]() -> absl::StatusOr<PromptPair> {
    PromptPair pair;
    ASSIGN_OR_RETURN(pair.clean, PromptTokens(model, "\"text\"", line.text));
    ASSIGN_OR_RETURN(pair.correct, AnswerTokens(model, "\"corr\"", {line.correct}, multi_token));
    ASSIGN_OR_RETURN(pair.incorrect, AnswerTokens(model, "\"incorr\"", {line.incorrect}, multi_token));
    return pair;
  };
  auto pair = tokenize();
  if (!pair.ok()) return AtLine(numbered, pair.status());
  return pair;
}

absl::StatusOr<std::vector<int>> CorruptedSide(const ModelVocabulary& model, const NumberedLine& numbered,
                                               size_t clean_tokens) {
  ASSIGN_OR_RETURN(const PublishedLine line, ParsePublishedLine(numbered));
  auto tokens = PromptTokens(model, "\"text\"", line.text);
  if (!tokens.ok()) return AtLine(numbered, tokens.status());
  if (tokens->size() != clean_tokens) {
    return AtLine(numbered, absl::InvalidArgumentError(absl::StrCat("\"text\": ", tokens->size(),
                                                                    " tokens, but its clean partner has ", clean_tokens,
                                                                    ": a pair's lengths must be equal")));
  }
  return tokens;
}

}  // namespace

absl::StatusOr<PromptPairs> TokenizePublished(const ModelVocabulary& model,
                                              const std::vector<absl::string_view>& clean_jsonl,
                                              absl::string_view corrupted_jsonl, const PromptSetOptions& options) {
  RETURN_IF_ERROR(CheckNumSamples(options.num_samples));
  if (clean_jsonl.empty()) return InvalidField("prompts.published.clean_dataset_sha256s", "no files of clean prompts");
  const size_t all_corrupted = CountLines(corrupted_jsonl);
  if (all_corrupted == 0) return InvalidField(kCorruptedField, "the file has no prompts");
  if (all_corrupted % clean_jsonl.size() != 0) {
    return InvalidField(kCorruptedField, absl::StrCat(all_corrupted, " prompts, must be a multiple of the ",
                                                      clean_jsonl.size(), " files of clean prompts: as many for each"));
  }
  const size_t corrupted_per_file = all_corrupted / clean_jsonl.size();

  PairCollector pairs(options.max_tokens);
  LineReader corrupted(corrupted_jsonl);
  for (size_t file = 0; file < clean_jsonl.size(); ++file) {
    const size_t all_clean = CountLines(clean_jsonl[file]);
    if (all_clean == 0) return InvalidField(CleanField(file), "the file has no prompts");
    const bool fewer_corrupted = corrupted_per_file < all_clean;
    ASSIGN_OR_RETURN(const size_t count,
                     ChooseNumSamples(options.num_samples, fewer_corrupted ? corrupted_per_file : all_clean,
                                      fewer_corrupted ? absl::StrCat("the corrupted file's share of ", CleanField(file))
                                                      : CleanField(file)));
    LineReader clean(clean_jsonl[file]);
    for (size_t i = 0; i < count; ++i) {
      auto pair = CleanSide(model, *clean.Next(), options.multi_token_answers);
      if (!pair.ok()) return WithFieldPrefix(CleanField(file), pair.status());
      auto tokens = CorruptedSide(model, *corrupted.Next(), pair->clean.size());
      if (!tokens.ok()) return WithFieldPrefix(kCorruptedField, tokens.status());
      pair->corrupted = *std::move(tokens);
      RETURN_IF_ERROR(pairs.Add(*std::move(pair), CleanField(file)));
    }
    for (size_t i = count; i < corrupted_per_file; ++i) corrupted.Next();
  }
  return pairs.Take();
}

}  // namespace circuitd
