// Generates docstring completion (Heimersheim and Janiak 2023, "A circuit for Python docstrings in a 4-layer
// attention-only transformer").
#include <array>
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

enum Corruption : size_t { kRandomAnswer, kRandomDef, kRandomDoc };

constexpr int kNames = 7;  // of the method, of its four arguments, and two that replace arguments
constexpr int kDescriptionWords = 7;

// The names that a prompt has.
struct Names {
  std::string method, a_def, b_def, c_def, last, a_doc, b_doc;
};

// The clean prompt's, and which other names the corrupted one has.
Names Corrupt(Names names, Corruption corruption, const std::string& x, const std::string& y) {
  switch (corruption) {
    case kRandomAnswer:
      names.c_def = x;
      break;
    case kRandomDef:
      names.a_def = x;
      names.b_def = y;
      break;
    case kRandomDoc:
      names.a_doc = x;
      names.b_doc = y;
      break;
  }
  return names;
}

class DocstringPairs {
 public:
  DocstringPairs(const VariantRequest& request, std::vector<std::string> names, std::vector<std::string> words)
      : model_(request.model),
        corruption_(static_cast<Corruption>(request.variant)),
        names_(std::move(names)),
        words_(std::move(words)),
        random_(request.seed, static_cast<uint32_t>(request.variant)) {}

  absl::StatusOr<PromptPair> Next() {
    DrawToFront(random_, names_, kNames);
    DrawToFront(random_, words_, kDescriptionWords);
    const Names clean{names_[0], names_[1], names_[2], names_[3], names_[4], names_[1], names_[2]};
    const std::string &x = names_[5], &y = names_[6];
    ASSIGN_OR_RETURN(PromptPair pair, PairOfTexts(model_, Text(clean), Text(Corrupt(clean, corruption_, x, y))));
    const auto argument = [&](const std::string& name) { return SingleToken(model_, absl::StrCat(" ", name)); };
    ASSIGN_OR_RETURN(const int correct, argument(clean.c_def));
    pair.correct = {correct};
    std::vector<std::string> others = {clean.a_def, clean.b_def, clean.last, x};
    if (corruption_ != kRandomAnswer) others.push_back(y);
    for (const std::string& other : others) {
      ASSIGN_OR_RETURN(const int incorrect, argument(other));
      pair.incorrect.push_back(incorrect);
    }
    return pair;
  }

 private:
  TemplatedText Text(const Names& names) const {
    TemplatedText text;
    const auto name = [&](const char* role, const std::string& name) -> TemplatedText& {
      return text.AddSlot(role, absl::StrCat(" ", name));
    };
    text.Add("def ").Add(names.method).Add("(self,");
    name("a_def", names.a_def).Add(",");
    name("b_def", names.b_def).Add(",");
    name("c_def", names.c_def).Add(", ").Add(names.last).Add("):\n    \"\"\"");
    text.Add(words_[0]).Add(" ").Add(words_[1]).Add(" ").Add(words_[2]).Add("\n\n    :param");
    name("a_doc", names.a_doc).Add(": ").Add(words_[3]).Add(" ").Add(words_[4]).Add("\n    :param");
    name("b_doc", names.b_doc).Add(": ").Add(words_[5]).Add(" ").Add(words_[6]).Add("\n    :param");
    return text;
  }

  const ModelVocabulary model_;
  const Corruption corruption_;
  std::vector<std::string> names_;  // the prompt's own in front, as of words
  std::vector<std::string> words_;
  Random random_;
};

absl::StatusOr<PairMaker> Start(const VariantRequest& request) {
  ASSIGN_OR_RETURN(auto names, SingleTokenWords(request.model, request.field, "argument names", ArgumentNames(),
                                                WordPlace::kAfterSpace, kNames));
  ASSIGN_OR_RETURN(auto words, SingleTokenWords(request.model, request.field, "words", DescriptionWords(),
                                                WordPlace::kAnywhere, kDescriptionWords));
  return [pairs = DocstringPairs(request, std::move(names), std::move(words))]() mutable { return pairs.Next(); };
}

}  // namespace

TaskGenerator DocstringTask() {
  TaskDescription task;
  task.name = "docstring";
  task.description =
      "Names a Python method's third argument in its docstring; variants say which names the corrupted prompt replaces "
      "(Heimersheim and Janiak 2023, \"A circuit for Python docstrings in a 4-layer attention-only transformer\")";
  task.variants = {"random_answer", "random_def", "random_doc"};  // in the order of Corruption
  task.roles = {"a_def", "b_def", "c_def", "a_doc", "b_doc", "end"};
  return {std::move(task), /*needs_tokenizer=*/true, Start};
}

}  // namespace circuitd
