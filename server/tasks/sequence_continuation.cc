// Generates the sequence-continuation tasks (arXiv 2311.04131, section 3).
#include "server/tasks/sequence_continuation.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/tasks/num_samples.h"
#include "server/tasks/pair_collector.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/prompt_tokens.h"
#include "server/tasks/random.h"
#include "server/tasks/word_lists.h"

namespace circuitd {
namespace {

constexpr char kTaskField[] = "prompts.task.task";
constexpr int kDefaultNumSamples = 32;
constexpr int kMembers = 12;
constexpr int kShown = 4;                   // members that a prompt shows
constexpr int kWords = kShown + 1;          // and one sentence that breaks off before its member
constexpr int kStarts = kMembers - kShown;  // so that the answer exists

std::string VariantField(size_t i) { return absl::StrCat("prompts.task.variants[", i, "]"); }

absl::StatusOr<std::vector<const SequenceVariant*>> FindVariants(const std::vector<std::string>& names) {
  std::vector<const SequenceVariant*> found;
  for (size_t i = 0; i < names.size(); ++i) {
    const SequenceVariant* match = nullptr;
    for (const SequenceVariant& variant : SequenceVariants()) {
      if (variant.name == names[i]) match = &variant;
    }
    if (match == nullptr) {
      return InvalidField(VariantField(i), absl::StrCat(QuoteName(names[i]), ", must be one of ",
                                                        absl::StrJoin(GeneratedVariantNames(), ", ")));
    }
    if (std::find(found.begin(), found.end(), match) != found.end()) {
      return InvalidField(VariantField(i), absl::StrCat(QuoteName(names[i]), " is there twice"));
    }
    found.push_back(match);
  }
  if (found.empty()) {
    for (const SequenceVariant& variant : SequenceVariants()) found.push_back(&variant);
  }
  return found;
}

// How many tokens of the model `text` is; 0 if one of them is not the model's.
absl::StatusOr<size_t> CountTokens(const ModelVocabulary& model, const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<int> ids, model.tokenizer->Encode(text));
  for (const int id : ids) {
    if (id >= model.config->d_vocab) return 0;
  }
  return ids.size();
}

absl::Status CheckMembers(const ModelVocabulary& model, const std::string& task,
                          const std::vector<std::string>& members) {
  for (const std::string& member : members) {
    ASSIGN_OR_RETURN(const size_t tokens, CountTokens(model, absl::StrCat(" ", member)));
    if (tokens == 1) continue;
    return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                      absl::StrCat(task, " needs \" ", member, "\" to be one token, but this model's tokenizer makes ",
                                   tokens == 0 ? "some that the model doesn't have" : absl::StrCat(tokens)));
  }
  return absl::OkStatus();
}

// The words that are single tokens both where a prompt begins and after a space.
absl::StatusOr<std::vector<std::string>> UsableWords(const ModelVocabulary& model, absl::string_view field,
                                                     const std::vector<std::string>& words) {
  std::vector<std::string> usable;
  for (const std::string& word : words) {
    ASSIGN_OR_RETURN(const size_t first, CountTokens(model, word));
    ASSIGN_OR_RETURN(const size_t later, CountTokens(model, absl::StrCat(" ", word)));
    if (first == 1 && later == 1) usable.push_back(word);
  }
  if (usable.size() < kWords) {
    return FieldError(absl::StatusCode::kFailedPrecondition, field,
                      absl::StrCat(usable.size(), " of ", words.size(),
                                   " words are single tokens for this model's tokenizer, a prompt needs ", kWords));
  }
  return usable;
}

// "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in"
std::string PromptText(const std::vector<std::string>& words, const std::string& verb,
                       const std::vector<std::string>& sequence, const std::array<int, kShown>& members) {
  std::string text;
  for (int i = 0; i < kShown; ++i) absl::StrAppend(&text, words[i], " ", verb, " in ", sequence[members[i]], ". ");
  absl::StrAppend(&text, words[kShown], " ", verb, " in");
  return text;
}

// Any members, but the last two don't follow one another, so that nothing hints at the next.
std::array<int, kShown> CorruptedMembers(Random& random) {
  std::array<int, kShown> members;
  do {
    for (int& member : members) member = random.Below(kMembers);
  } while (members[kShown - 1] == members[kShown - 2] + 1);
  return members;
}

absl::StatusOr<PromptPair> MakePair(const ModelVocabulary& model, const std::string& verb,
                                    const std::vector<std::string>& words, const std::vector<std::string>& sequence,
                                    int start, const std::array<int, kShown>& corrupted) {
  std::array<int, kShown> clean;
  std::iota(clean.begin(), clean.end(), start);
  const auto answer = [&](int member) {
    return AnswerTokens(model, "answer", {absl::StrCat(" ", sequence[member])}, MultiTokenAnswers::kReject);
  };
  const auto prompt = [&](const std::array<int, kShown>& shown) {
    const std::string text = PromptText(words, verb, sequence, shown);
    return PromptTokens(model, absl::StrCat("the prompt ", QuoteName(text)), text);
  };
  PromptPair pair;
  ASSIGN_OR_RETURN(pair.clean, prompt(clean));
  ASSIGN_OR_RETURN(pair.corrupted, prompt(corrupted));
  // Equal for GPT-2's vocabulary; in another a member and its full stop may be one token.
  if (pair.corrupted.size() != pair.clean.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the prompt ", QuoteName(PromptText(words, verb, sequence, clean)), " is ", pair.clean.size(),
                     " tokens for this model's tokenizer, but its corrupted partner is ", pair.corrupted.size(),
                     ": a pair's lengths must be equal"));
  }
  ASSIGN_OR_RETURN(pair.correct, answer(start + kShown));
  ASSIGN_OR_RETURN(pair.incorrect, answer(start + kShown - 1));
  return pair;
}

}  // namespace

const std::vector<std::string>* FindSequence(absl::string_view task) {
  static const auto& sequences = *new std::array<std::vector<std::string>, 3>{
      std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
      {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"},
      {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
       "December"}};
  const std::vector<std::string>& names = GeneratedTaskNames();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == std::string(task)) return &sequences[i];
  }
  return nullptr;
}

const std::vector<SequenceVariant>& SequenceVariants() {
  static const auto& variants = *new std::vector<SequenceVariant>{
      {"done", "done", ThingWords()}, {"lost", "lost", ThingWords()}, {"names", "born", FirstNames()}};
  return variants;
}

const std::vector<std::string>& GeneratedTaskNames() {
  static const auto& names = *new std::vector<std::string>{"numerals", "numwords", "months"};
  return names;
}

const std::vector<std::string>& GeneratedVariantNames() {
  static const auto& names = *[] {
    auto* result = new std::vector<std::string>;
    for (const SequenceVariant& variant : SequenceVariants()) result->push_back(variant.name);
    return result;
  }();
  return names;
}

absl::StatusOr<PromptPairs> GenerateSequenceContinuation(const ModelVocabulary& model, const std::string& task,
                                                         const std::vector<std::string>& variants, uint64_t seed,
                                                         const PromptSetOptions& options) {
  const std::vector<std::string>* sequence = FindSequence(task);
  if (sequence == nullptr) {
    return InvalidField(kTaskField,
                        absl::StrCat(QuoteName(task), ", must be one of ", absl::StrJoin(GeneratedTaskNames(), ", ")));
  }
  ASSIGN_OR_RETURN(const auto chosen, FindVariants(variants));
  RETURN_IF_ERROR(CheckNumSamples(options.num_samples));
  if (model.tokenizer == nullptr) {
    return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                      absl::StrCat(task, " needs a tokenizer, and this model has none"));
  }
  RETURN_IF_ERROR(CheckMembers(model, task, *sequence));

  PairCollector pairs(options.max_tokens);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const SequenceVariant& variant = *chosen[i];
    ASSIGN_OR_RETURN(auto words, UsableWords(model, VariantField(i), variant.words));
    // A stream for each variant: its prompts depend neither on the other variants nor on num_samples. Tasks share it,
    // so that their prompts differ in nothing but the members.
    Random random(seed, static_cast<uint32_t>(&variant - SequenceVariants().data()));
    for (int sample = 0; sample < options.num_samples.value_or(kDefaultNumSamples); ++sample) {
      // The first steps of a Fisher-Yates shuffle: distinct words at the front.
      for (int k = 0; k < kWords; ++k) {
        std::swap(words[k], words[k + random.Below(static_cast<int>(words.size()) - k)]);
      }
      auto pair = MakePair(model, variant.verb, words, *sequence, sample % kStarts, CorruptedMembers(random));
      if (!pair.ok()) {
        return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField, pair.status().message());
      }
      RETURN_IF_ERROR(pairs.Add(*std::move(pair), kTaskField));
    }
  }
  return pairs.Take();
}

}  // namespace circuitd
