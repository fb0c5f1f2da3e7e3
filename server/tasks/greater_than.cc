// Generates greater-than, year spans whose end has to be later than their start (Hanna et al. 2023, arXiv 2305.00586).
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

constexpr int kFirstCentury = 11;
constexpr int kLastCentury = 17;
constexpr int kYears = 100;        // 00 … 99
constexpr int kFirstYear = 2;      // so that a year before it remains
constexpr int kLastYear = 98;      // and one after it
constexpr int kCorruptedYear = 1;  // as published: it rules out nothing to speak of

std::string TwoDigits(int number) { return absl::StrCat(absl::Dec(number, absl::kZeroPad2)); }

// The tokens of "00" … "99".
using YearTokens = std::array<int, kYears>;

struct Century {
  std::string digits;      // "17"
  std::vector<int> years;  // that prompts may start in: 32
};

absl::StatusOr<YearTokens> FindYearTokens(const ModelVocabulary& model) {
  YearTokens tokens;
  for (int year = 0; year < kYears; ++year) {
    const auto token = SingleToken(model, TwoDigits(year));
    if (!token.ok()) {
      return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                        absl::StrCat("greater_than needs two digits to be one token, but ", token.status().message()));
    }
    tokens[year] = *token;
  }
  return tokens;
}

// Whether " 1732" is " 17" and "32".
absl::StatusOr<bool> Splits(const ModelVocabulary& model, const std::string& century, int century_token, int year,
                            const YearTokens& tokens) {
  ASSIGN_OR_RETURN(const std::vector<int> ids, model.tokenizer->Encode(absl::StrCat(" ", century, TwoDigits(year))));
  return ids == std::vector<int>{century_token, tokens[year]};
}

// The centuries in which some years split, and the corrupted one too.
absl::StatusOr<std::vector<Century>> FindCenturies(const ModelVocabulary& model, const YearTokens& tokens) {
  std::vector<Century> centuries;
  for (int number = kFirstCentury; number <= kLastCentury; ++number) {
    Century century{absl::StrCat(number), {}};
    const auto token = SingleToken(model, absl::StrCat(" ", century.digits));
    if (!token.ok()) continue;
    ASSIGN_OR_RETURN(const bool corrupted_splits, Splits(model, century.digits, *token, kCorruptedYear, tokens));
    if (!corrupted_splits) continue;
    for (int year = kFirstYear; year <= kLastYear; ++year) {
      ASSIGN_OR_RETURN(const bool splits, Splits(model, century.digits, *token, year, tokens));
      if (splits) century.years.push_back(year);
    }
    if (!century.years.empty()) centuries.push_back(std::move(century));
  }
  if (centuries.empty()) {
    return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                      "greater_than needs years of two tokens, \" 17\" and \"32\", and this model's tokenizer splits "
                      "none of 1102-1798 so");
  }
  return centuries;
}

class GreaterThanPairs {
 public:
  GreaterThanPairs(const VariantRequest& request, std::vector<std::string> nouns, std::vector<Century> centuries,
                   const YearTokens& tokens)
      : model_(request.model),
        nouns_(std::move(nouns)),
        centuries_(std::move(centuries)),
        tokens_(tokens),
        random_(request.seed, 0) {}

  absl::StatusOr<PromptPair> Next() {
    const std::string& noun = nouns_[random_.Below(static_cast<int>(nouns_.size()))];
    const Century& century = centuries_[random_.Below(static_cast<int>(centuries_.size()))];
    const int year = century.years[random_.Below(static_cast<int>(century.years.size()))];
    ASSIGN_OR_RETURN(PromptPair pair,
                     PairOfTexts(model_, Text(noun, century.digits, year), Text(noun, century.digits, kCorruptedYear)));
    pair.correct.assign(tokens_.begin() + year + 1, tokens_.end());
    pair.incorrect.assign(tokens_.begin(), tokens_.begin() + year + 1);
    return pair;
  }

 private:
  static TemplatedText Text(const std::string& noun, const std::string& century, int year) {
    TemplatedText text;
    text.Add("The ").Add(noun).Add(" lasted from the year ").Add(century);
    return text.AddSlot("yy", TwoDigits(year)).Add(" to the year ").Add(century);
  }

  const ModelVocabulary model_;
  const std::vector<std::string> nouns_;
  const std::vector<Century> centuries_;
  const YearTokens tokens_;
  Random random_;
};

absl::StatusOr<PairMaker> Start(const VariantRequest& request) {
  ASSIGN_OR_RETURN(const YearTokens tokens, FindYearTokens(request.model));
  ASSIGN_OR_RETURN(auto centuries, FindCenturies(request.model, tokens));
  ASSIGN_OR_RETURN(auto nouns,
                   SingleTokenWords(request.model, request.field, "nouns", EventWords(), WordPlace::kAfterSpace, 1));
  return [pairs = GreaterThanPairs(request, std::move(nouns), std::move(centuries), tokens)]() mutable {
    return pairs.Next();
  };
}

}  // namespace

TaskGenerator GreaterThanTask() {
  TaskDescription task;
  task.name = "greater_than";
  task.description =
      "Ends a span of years in a later year than it began in; corrupted prompts begin in year 01 of the century "
      "(Hanna, "
      "Liu and Variengien 2023, arXiv 2305.00586)";
  task.roles = {"yy", "end"};
  return {std::move(task), /*needs_tokenizer=*/true, Start};
}

}  // namespace circuitd
