// Generates indirect object identification (Wang et al. 2022, arXiv 2211.00593, section 2).
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

// The pieces between the blanks: {0} A {1} B {2} place {3} S {4} object {5}.
using Template = std::array<const char*, 6>;

constexpr std::array<Template, 8> kTemplates = {{
    {"Then,", " and", " went to the", ".", " gave a", " to"},
    {"When", " and", " arrived at the", ",", " handed a", " to"},
    {"After", " and", " had met at the", ",", " decided to give a", " to"},
    {"While", " and", " were waiting at the", ",", " offered a", " to"},
    {"One day", " and", " walked to the", ".", " passed a", " to"},
    {"Last week", " and", " had lunch near the", ", and", " sold a", " to"},
    {"Because", " and", " were late for the", ",", " lent a", " to"},
    {"Yesterday", " and", " talked about the", ". Then", " sent a", " to"},
}};

// The first two are the clean prompt's indirect object and subject, the others the corrupted prompt's names.
constexpr int kNames = 5;
enum Variant : size_t { kAbba, kBaba };  // which of the first two names the indirect object is

class IoiPairs {
 public:
  IoiPairs(const VariantRequest& request, std::vector<std::string> names, std::vector<std::string> places,
           std::vector<std::string> objects)
      : model_(request.model),
        variant_(request.variant == 0 ? kAbba : kBaba),
        names_(std::move(names)),
        places_(std::move(places)),
        objects_(std::move(objects)),
        random_(request.seed, static_cast<uint32_t>(request.variant)) {}

  absl::StatusOr<PromptPair> Next() {
    const Template& sentence = kTemplates[random_.Below(kTemplates.size())];
    DrawToFront(random_, names_, kNames);
    DrawToFront(random_, places_, 1);
    DrawToFront(random_, objects_, 1);
    ASSIGN_OR_RETURN(PromptPair pair, PairOfTexts(model_, Text(sentence, names_[0], names_[1], names_[1]),
                                                  Text(sentence, names_[2], names_[3], names_[4])));
    pair.roles["s1_plus_1"] = pair.roles["s1"] + 1;
    ASSIGN_OR_RETURN(const int correct, SingleToken(model_, absl::StrCat(" ", names_[0])));
    ASSIGN_OR_RETURN(const int incorrect, SingleToken(model_, absl::StrCat(" ", names_[1])));
    pair.correct = {correct};
    pair.incorrect = {incorrect};
    return pair;
  }

 private:
  TemplatedText Text(const Template& sentence, const std::string& io, const std::string& s1,
                     const std::string& s2) const {
    TemplatedText text;
    const auto name = [&](const char* role, const std::string& name) { text.AddSlot(role, absl::StrCat(" ", name)); };
    text.Add(sentence[0]);
    variant_ == kAbba ? name("io", io) : name("s1", s1);
    text.Add(sentence[1]);
    variant_ == kAbba ? name("s1", s1) : name("io", io);
    text.Add(sentence[2]).Add(" ").Add(places_[0]).Add(sentence[3]);
    name("s2", s2);
    return text.Add(sentence[4]).Add(" ").Add(objects_[0]).Add(sentence[5]);
  }

  const ModelVocabulary model_;
  const Variant variant_;
  std::vector<std::string> names_;  // the prompt's own in front, as of places and objects
  std::vector<std::string> places_;
  std::vector<std::string> objects_;
  Random random_;
};

absl::StatusOr<PairMaker> Start(const VariantRequest& request) {
  const auto usable = [&](absl::string_view kind, const std::vector<std::string>& words, size_t needed) {
    return SingleTokenWords(request.model, request.field, kind, words, WordPlace::kAfterSpace, needed);
  };
  ASSIGN_OR_RETURN(auto names, usable("names", FirstNames(), kNames));
  ASSIGN_OR_RETURN(auto places, usable("places", PlaceWords(), 1));
  ASSIGN_OR_RETURN(auto objects, usable("objects", ObjectWords(), 1));
  return [pairs = IoiPairs(request, std::move(names), std::move(places), std::move(objects))]() mutable {
    return pairs.Next();
  };
}

}  // namespace

TaskGenerator IoiTask() {
  TaskDescription task;
  task.name = "ioi";
  task.description =
      "Names who is given something, of two people of whom the giver is named twice; corrupted prompts have three "
      "other names (Wang et al. 2022, arXiv 2211.00593)";
  task.variants = {"abba", "baba"};
  task.roles = {"io", "s1", "s1_plus_1", "s2", "end"};
  return {std::move(task), /*needs_tokenizer=*/true, Start};
}

}  // namespace circuitd
