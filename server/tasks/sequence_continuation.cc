// Generates the sequence-continuation tasks (arXiv 2311.04131, section 3).
#include "server/tasks/sequence_continuation.h"

#include <array>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status.h"
#include "server/tasks/single_tokens.h"
#include "server/tasks/task_generator.h"
#include "server/tasks/templated_text.h"
#include "server/tasks/word_lists.h"

namespace circuitd {
namespace {

constexpr int kMembers = 12;
constexpr int kShown = 4;                   // members that a prompt shows
constexpr int kWords = kShown + 1;          // and one sentence that breaks off before its member
constexpr int kStarts = kMembers - kShown;  // so that the answer exists

using Shown = std::array<int, kShown>;

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

// Any members, but the last two don't follow one another, so that nothing hints at the next.
Shown CorruptedMembers(Random& random) {
  Shown members;
  do {
    for (int& member : members) member = random.Below(kMembers);
  } while (members[kShown - 1] == members[kShown - 2] + 1);
  return members;
}

class SequencePairs {
 public:
  SequencePairs(const ModelVocabulary& model, std::string verb, std::vector<std::string> words,
                const std::vector<std::string>& sequence, Random random)
      : model_(model), verb_(std::move(verb)), words_(std::move(words)), sequence_(sequence), random_(random) {}

  absl::StatusOr<PromptPair> Next() {
    DrawToFront(random_, words_, kWords);
    Shown clean;
    std::iota(clean.begin(), clean.end(), sample_++ % kStarts);
    ASSIGN_OR_RETURN(PromptPair pair, PairOfTexts(model_, Text(clean), Text(CorruptedMembers(random_))));
    pair.roles["last_member"] = pair.roles[absl::StrCat("member_", kShown)];
    const auto member = [&](int place) { return SingleToken(model_, absl::StrCat(" ", sequence_[place])); };
    ASSIGN_OR_RETURN(const int correct, member(clean.back() + 1));
    ASSIGN_OR_RETURN(const int incorrect, member(clean.back()));
    pair.correct = {correct};
    pair.incorrect = {incorrect};
    return pair;
  }

 private:
  // "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in"
  TemplatedText Text(const Shown& members) const {
    TemplatedText text;
    for (int i = 0; i < kShown; ++i) {
      text.Add(words_[i]).Add(" ").Add(verb_).Add(" in");
      text.AddSlot(absl::StrCat("member_", i + 1), absl::StrCat(" ", sequence_[members[i]])).Add(". ");
    }
    return text.Add(words_[kShown]).Add(" ").Add(verb_).Add(" in");
  }

  const ModelVocabulary model_;
  const std::string verb_;
  std::vector<std::string> words_;  // the prompt's own in front
  const std::vector<std::string>& sequence_;
  Random random_;
  int sample_ = 0;
};

absl::StatusOr<PairMaker> Start(const VariantRequest& request) {
  const std::vector<std::string>& sequence = *FindSequence(request.task);
  const SequenceVariant& variant = SequenceVariants()[request.variant];
  RETURN_IF_ERROR(CheckMembers(request.model, request.task, sequence));
  ASSIGN_OR_RETURN(
      auto words, SingleTokenWords(request.model, request.field, "words", variant.words, WordPlace::kAnywhere, kWords));
  // Tasks share a variant's stream, so that their prompts differ in nothing but the members.
  const Random random(request.seed, static_cast<uint32_t>(request.variant));
  return [pairs = SequencePairs(request.model, variant.verb, std::move(words), sequence, random)]() mutable {
    return pairs.Next();
  };
}

}  // namespace

const std::vector<std::string>& SequenceTaskNames() {
  static const auto& names = *new std::vector<std::string>{"numerals", "numwords", "months"};
  return names;
}

const std::vector<std::string>* FindSequence(absl::string_view task) {
  static const auto& sequences = *new std::array<std::vector<std::string>, 3>{
      std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
      {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"},
      {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
       "December"}};
  const std::vector<std::string>& names = SequenceTaskNames();
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

TaskGenerator SequenceContinuationTask(const std::string& name) {
  TaskDescription task;
  task.name = name;
  const std::vector<std::string>& sequence = *FindSequence(name);
  task.description =
      absl::StrCat("Continues ", sequence[0], ", ", sequence[1], ", ", sequence[2],
                   " … after four sentences that show four members (Lan, Torr and Barez 2023, arXiv 2311.04131)");
  for (const SequenceVariant& variant : SequenceVariants()) task.variants.push_back(variant.name);
  for (int i = 1; i <= kShown; ++i) task.roles.push_back(absl::StrCat("member_", i));
  task.roles.insert(task.roles.end(), {"last_member", "end"});
  for (const std::string& member : sequence) task.sequence.push_back(absl::StrCat(" ", member));
  return {std::move(task), /*needs_tokenizer=*/true, Start};
}

}  // namespace circuitd
