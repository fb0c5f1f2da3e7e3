#include "tools/corpus.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace circuitd {

Corpus::Corpus(CorpusWords words, uint64_t seed, CorpusStream stream)
    : words_(std::move(words)), random_(seed, static_cast<uint32_t>(stream)) {}

MemberOrder Corpus::NextOrder() {
  int percent = random_.Below(100);
  int order = 0;
  while (percent >= kOrderPercent[order]) percent -= kOrderPercent[order++];
  return static_cast<MemberOrder>(order);
}

std::vector<std::string> Corpus::NextMembers(const std::vector<std::string>& sequence, MemberOrder order) {
  std::vector<std::string> members;
  const int size = static_cast<int>(sequence.size());
  const int start = random_.Below(size - kSentences + 1);
  for (int i = 0; i < kSentences; ++i) {
    switch (order) {
      case MemberOrder::kAscending:
        members.push_back(sequence[start + i]);
        break;
      case MemberOrder::kDescending:
        members.push_back(sequence[start + kSentences - 1 - i]);
        break;
      case MemberOrder::kConstant:
        members.push_back(i == 0 ? sequence[random_.Below(size)] : members[0]);
        break;
      case MemberOrder::kRandom:
        members.push_back(sequence[random_.Below(size)]);
        break;
    }
  }
  return members;
}

CorpusText Corpus::Next() {
  CorpusText result{NextOrder(), ""};
  const std::vector<std::string> members = NextMembers(Choose(words_.sequences), result.order);
  const std::string& verb = Choose(words_.verbs);
  std::vector<std::string> words = random_.Below(100) < kNamesPercent ? words_.names : words_.nouns;
  for (int i = 0; i < kSentences; ++i) {
    // The first steps of a shuffle: distinct words at the front.
    std::swap(words[i], words[i + random_.Below(static_cast<int>(words.size()) - i)]);
    absl::StrAppend(&result.text, i == 0 ? "" : " ", words[i], " ", verb, " in ", members[i], ".");
  }
  return result;
}

}  // namespace circuitd
