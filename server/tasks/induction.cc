// Generates induction, random tokens that repeat (Olsson et al. 2022, arXiv 2209.11895).
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status.h"
#include "server/tasks/task_generator.h"

namespace circuitd {
namespace {

// Tokens until they repeat.
constexpr int kLongest = 16;
constexpr int kShortest = 4;

// Words and their parts are made of letters, or of signs: GPT-2's pre-tokenizer never lets a token mix them. Those that
// do, "<|endoftext|>", were added, and models take them for something else than text.
bool MixesLettersAndSigns(absl::string_view bytes) {
  if (!bytes.empty() && bytes[0] == ' ') bytes.remove_prefix(1);
  return std::any_of(bytes.begin(), bytes.end(), absl::ascii_isalnum) &&
         std::any_of(bytes.begin(), bytes.end(), absl::ascii_ispunct);
}

// Without a tokenizer all are.
bool IsOrdinary(const ModelVocabulary& model, int id) {
  if (model.tokenizer == nullptr) return true;
  const std::string bytes = model.tokenizer->TokenBytes(id);
  return !bytes.empty() && !MixesLettersAndSigns(bytes);
}

class InductionPairs {
 public:
  // `tokens` are twice `period` or more.
  InductionPairs(std::vector<int> tokens, int period, Random random)
      : tokens_(std::move(tokens)), period_(period), shown_(period / 2), random_(random) {}

  // x1 … xn x1 … xi, with y1 … yn x1 … xi as its corrupted partner, and x(i+1) as the answer: i is n / 2.
  PromptPair Next() {
    DrawToFront(random_, tokens_, 2 * period_);
    const auto x = tokens_.begin(), y = x + period_;
    PromptPair pair;
    pair.clean.assign(x, x + period_);
    pair.corrupted.assign(y, y + period_);
    pair.clean.insert(pair.clean.end(), x, x + shown_);
    pair.corrupted.insert(pair.corrupted.end(), x, x + shown_);
    pair.correct = {x[shown_]};
    const int other = random_.Below(period_ - 1);
    pair.incorrect = {x[other < shown_ ? other : other + 1]};
    pair.roles = {{"first", shown_ - 1}, {"target", shown_}, {"end", period_ + shown_ - 1}};
    return pair;
  }

 private:
  std::vector<int> tokens_;  // the prompts' own in front
  const int period_;
  const int shown_;
  Random random_;
};

absl::StatusOr<PairMaker> Start(const VariantRequest& request) {
  std::vector<int> tokens;
  for (int id = 0; id < request.model.config->d_vocab; ++id) {
    if (IsOrdinary(request.model, id)) tokens.push_back(id);
  }
  const int n_ctx = request.model.config->n_ctx;
  // Half of the tokens for each prompt; a period and a half in the context.
  const int period = std::min({kLongest, n_ctx / 3 * 2, static_cast<int>(tokens.size()) / 2});
  if (period < kShortest) {
    return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                      absl::StrCat("induction needs ", 2 * kShortest, " tokens that are text and a context of ",
                                   kShortest * 3 / 2, "; this model has ", tokens.size(), " and ", n_ctx));
  }
  return
      [pairs = InductionPairs(std::move(tokens), period, Random(request.seed, 0))]() mutable { return pairs.Next(); };
}

}  // namespace

TaskGenerator InductionTask() {
  TaskDescription task;
  task.name = "induction";
  task.description =
      "Repeats random tokens; corrupted prompts don't show them before (Olsson et al. 2022, arXiv 2209.11895)";
  task.roles = {"first", "target", "end"};
  return {std::move(task), /*needs_tokenizer=*/false, Start};
}

}  // namespace circuitd
