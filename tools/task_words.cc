// What the server's sequence continuation tasks are made of, as words of a corpus.
#include "server/tasks/sequence_continuation.h"
#include "server/tasks/word_lists.h"
#include "tools/corpus.h"

namespace circuitd {

CorpusWords TaskWords() {
  CorpusWords words{ThingWords(), FirstNames(), {}, {}};
  for (const SequenceVariant& variant : SequenceVariants()) words.verbs.push_back(variant.verb);
  words.verbs.insert(words.verbs.end(), {"kept", "made", "sold"});
  for (const std::string& task : SequenceTaskNames()) words.sequences.push_back(*FindSequence(task));
  return words;
}

}  // namespace circuitd
