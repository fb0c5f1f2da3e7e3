// The texts that the shipped model learns from: five sentences about things and people and the member of a sequence.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"

namespace circuitd {

// What the sentences are made of; every list without repetitions.
struct CorpusWords {
  std::vector<std::string> nouns;
  std::vector<std::string> names;
  std::vector<std::string> verbs;
  std::vector<std::vector<std::string>> sequences;  // their members in order: "1" to "12", …
};

// The words of the server's sequence continuation tasks, and three more verbs.
CorpusWords TaskWords();

// How the members of one text follow one another.
enum class MemberOrder { kAscending, kConstant, kRandom, kDescending };

struct CorpusText {
  MemberOrder order;
  std::string text;  // "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in 5."
};

// What texts are for: no stream repeats another's, nor the tasks' random numbers.
enum class CorpusStream : uint32_t { kTexts = 100, kVocabulary = 101 };

// An endless, deterministic stream of texts. Not thread-safe.
class Corpus {
 public:
  // Sentences of a text, as many as a prompt of the tasks has.
  static constexpr int kSentences = 5;
  // Percent of the texts in MemberOrder's order.
  static constexpr std::array<int, 4> kOrderPercent = {60, 15, 15, 10};
  // Percent of the texts that are about people.
  static constexpr int kNamesPercent = 33;

  // `words` has at least kSentences nouns, names and members of each sequence, and a verb.
  // Another `stream` gives other texts for the same seed.
  Corpus(CorpusWords words, uint64_t seed, CorpusStream stream = CorpusStream::kTexts);

  // A text of one verb, one sequence and kSentences distinct words, either nouns or names.
  CorpusText Next();

 private:
  template <typename T>
  const T& Choose(const std::vector<T>& from) {
    return from[random_.Below(static_cast<int>(from.size()))];
  }
  MemberOrder NextOrder();
  std::vector<std::string> NextMembers(const std::vector<std::string>& sequence, MemberOrder order);

  const CorpusWords words_;
  Random random_;
};

}  // namespace circuitd
