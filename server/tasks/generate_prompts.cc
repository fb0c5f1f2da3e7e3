// The list of generated tasks, and the pairs of the variants that a request names.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/tasks/num_samples.h"
#include "server/tasks/pair_collector.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/sequence_continuation.h"
#include "server/tasks/task_generator.h"

namespace circuitd {
namespace {

constexpr int kDefaultNumSamples = 32;

const std::vector<TaskGenerator>& Generators() {
  static const auto& generators = *[] {
    auto* all = new std::vector<TaskGenerator>;
    for (const std::string& name : SequenceTaskNames()) all->push_back(SequenceContinuationTask(name));
    for (const auto task : {IoiTask, GreaterThanTask, DocstringTask, InductionTask}) all->push_back(task());
    return all;
  }();
  return generators;
}

absl::StatusOr<const TaskGenerator*> FindGenerator(const std::string& task) {
  std::vector<std::string> names;
  for (const TaskGenerator& generator : Generators()) {
    if (generator.description.name == task) return &generator;
    names.push_back(generator.description.name);
  }
  return InvalidField(kTaskField, absl::StrCat(QuoteName(task), ", must be one of ", absl::StrJoin(names, ", ")));
}

std::string VariantField(size_t i) { return absl::StrCat("prompts.task.variants[", i, "]"); }

// Their places in the description. A task without variants has one, without a name.
absl::StatusOr<std::vector<size_t>> FindVariants(const TaskDescription& task, const std::vector<std::string>& names) {
  std::vector<size_t> found;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto match = std::find(task.variants.begin(), task.variants.end(), names[i]);
    if (match == task.variants.end()) {
      const std::string choice = task.variants.empty()
                                     ? absl::StrCat(task.name, " has no variants")
                                     : absl::StrCat("must be one of ", absl::StrJoin(task.variants, ", "));
      return InvalidField(VariantField(i), absl::StrCat(QuoteName(names[i]), ", ", choice));
    }
    const size_t place = static_cast<size_t>(match - task.variants.begin());
    if (std::find(found.begin(), found.end(), place) != found.end()) {
      return InvalidField(VariantField(i), absl::StrCat(QuoteName(names[i]), " is there twice"));
    }
    found.push_back(place);
  }
  if (found.empty()) {
    for (size_t place = 0; place < std::max<size_t>(1, task.variants.size()); ++place) found.push_back(place);
  }
  return found;
}

}  // namespace

const std::vector<TaskDescription>& AllTasks() {
  static const auto& tasks = *[] {
    auto* all = new std::vector<TaskDescription>;
    for (const TaskGenerator& generator : Generators()) all->push_back(generator.description);
    return all;
  }();
  return tasks;
}

const TaskDescription* FindTask(absl::string_view name) {
  for (const TaskDescription& task : AllTasks()) {
    if (task.name == std::string(name)) return &task;
  }
  return nullptr;
}

absl::StatusOr<PromptPairs> GeneratePrompts(const ModelVocabulary& model, const std::string& task,
                                            const std::vector<std::string>& variants, uint64_t seed,
                                            const PromptSetOptions& options) {
  ASSIGN_OR_RETURN(const TaskGenerator* generator, FindGenerator(task));
  ASSIGN_OR_RETURN(const std::vector<size_t> chosen, FindVariants(generator->description, variants));
  RETURN_IF_ERROR(CheckNumSamples(options.num_samples));
  if (generator->needs_tokenizer && model.tokenizer == nullptr) {
    return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField,
                      absl::StrCat(task, " needs a tokenizer, and this model has none"));
  }
  PairCollector pairs(options.max_tokens);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const std::string field = generator->description.variants.empty() ? kTaskField : VariantField(i);
    ASSIGN_OR_RETURN(const PairMaker next, generator->start({model, task, chosen[i], field, seed}));
    for (int sample = 0; sample < options.num_samples.value_or(kDefaultNumSamples); ++sample) {
      auto pair = next();
      if (!pair.ok()) {
        return FieldError(absl::StatusCode::kFailedPrecondition, kTaskField, pair.status().message());
      }
      RETURN_IF_ERROR(pairs.Add(*std::move(pair), kTaskField));
    }
  }
  return pairs.Take();
}

}  // namespace circuitd
