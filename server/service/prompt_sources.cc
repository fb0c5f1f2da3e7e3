#include "server/service/prompt_sources.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/service/inline_prompts.h"
#include "server/service/prompts.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

constexpr char kNumSamples[] = "prompts.num_samples";

absl::Status ValidateSha256(const std::string& sha256, absl::string_view field) {
  if (IsSha256Hex(sha256)) return absl::OkStatus();
  return InvalidField(field, sha256.empty()
                                 ? "must be set"
                                 : absl::StrCat("\"", sha256, "\", must be 64 lower-case hexadecimal digits"));
}

absl::Status ValidatePublished(const v1::PublishedPrompts& published) {
  const auto& clean = published.clean_dataset_sha256s();
  if (clean.empty() || clean.size() > kMaxCleanFiles) {
    return InvalidField("published.clean_dataset_sha256s",
                        absl::StrCat(clean.size(), " datasets, must be 1-", kMaxCleanFiles));
  }
  for (int i = 0; i < clean.size(); ++i) {
    const std::string field = absl::StrCat("published.clean_dataset_sha256s[", i, "]");
    RETURN_IF_ERROR(ValidateSha256(clean[i], field));
    if (std::find(clean.begin(), clean.begin() + i, clean[i]) != clean.begin() + i) {
      return InvalidField(field, absl::StrCat(clean[i], " is there more than once"));
    }
  }
  return ValidateSha256(published.corrupted_dataset_sha256(), "published.corrupted_dataset_sha256");
}

absl::StatusOr<std::shared_ptr<const StoredDataset>> FindDataset(const DatasetStore& datasets,
                                                                 const std::string& sha256, FileFormat format,
                                                                 absl::string_view field) {
  absl::StatusOr<std::shared_ptr<const StoredDataset>> dataset = datasets.Get(sha256);
  if (!dataset.ok()) {
    return FieldError(dataset.status().code(), field, absl::StrCat("no dataset ", sha256, "; upload it first"));
  }
  if ((*dataset)->format != format) {
    return InvalidField(field, absl::StrCat("dataset ", sha256, " has another format, must be ",
                                            format == FileFormat::kPairs ? "PAIRS" : "PUBLISHED"));
  }
  return dataset;
}

int64_t CountVariants(const v1::PromptSource& source) {
  if (source.has_published()) return source.published().clean_dataset_sha256s_size();
  if (!source.has_task()) return 1;
  if (!source.task().variants().empty()) return source.task().variants_size();
  const TaskDescription* task = FindTask(source.task().task());
  return task == nullptr ? 1 : std::max<int64_t>(1, static_cast<int64_t>(task->variants.size()));
}

absl::Status CheckCount(int64_t prompts, int max_prompts) {
  if (prompts <= max_prompts) return absl::OkStatus();
  return FieldError(absl::StatusCode::kResourceExhausted, kNumSamples,
                    absl::StrCat(prompts, " prompts in all, max_prompts_per_request is ", max_prompts));
}

// Without num_samples all of a file's prompts are meant.
absl::Status CheckFile(int64_t prompts, const PromptSetOptions& options, const SourceLimits& limits) {
  return options.num_samples ? absl::OkStatus() : CheckCount(prompts, limits.max_prompts);
}

absl::StatusOr<PromptPairs> ReadPublished(const DatasetStore& datasets, const v1::PublishedPrompts& published,
                                          const ModelVocabulary& vocabulary, const PromptSetOptions& options,
                                          const SourceLimits& limits) {
  // Kept until the end, though they may be deleted meanwhile.
  std::vector<std::shared_ptr<const StoredDataset>> held;
  std::vector<absl::string_view> clean;
  int64_t prompts = 0;
  for (int i = 0; i < published.clean_dataset_sha256s_size(); ++i) {
    ASSIGN_OR_RETURN(auto dataset, FindDataset(datasets, published.clean_dataset_sha256s(i), FileFormat::kPublished,
                                               absl::StrCat("prompts.published.clean_dataset_sha256s[", i, "]")));
    clean.push_back(dataset->bytes);
    prompts += dataset->prompt_count;
    held.push_back(std::move(dataset));
  }
  ASSIGN_OR_RETURN(const auto corrupted,
                   FindDataset(datasets, published.corrupted_dataset_sha256(), FileFormat::kPublished,
                               "prompts.published.corrupted_dataset_sha256"));
  RETURN_IF_ERROR(CheckFile(prompts, options, limits));
  return TokenizePublished(vocabulary, clean, corrupted->bytes, options);
}

absl::StatusOr<PromptPairs> MakePairs(const DatasetStore& datasets, const v1::PromptSource& source, const Model& model,
                                      const PromptSetOptions& options, const SourceLimits& limits) {
  const ModelVocabulary vocabulary{model.tokenizer(), &model.config()};
  switch (source.source_case()) {
    case v1::PromptSource::kTask: {
      const v1::GeneratedTask& task = source.task();
      return GeneratePrompts(vocabulary, task.task(), {task.variants().begin(), task.variants().end()}, task.seed(),
                             options);
    }
    case v1::PromptSource::kPairsDatasetSha256: {
      ASSIGN_OR_RETURN(const auto dataset, FindDataset(datasets, source.pairs_dataset_sha256(), FileFormat::kPairs,
                                                       "prompts.pairs_dataset_sha256"));
      RETURN_IF_ERROR(CheckFile(dataset->prompt_count, options, limits));
      return TokenizePairs(vocabulary, dataset->bytes, options);
    }
    case v1::PromptSource::kPublished:
      return ReadPublished(datasets, source.published(), vocabulary, options, limits);
    case v1::PromptSource::kInline:
      return TokenizeInlinePrompts(source.inline_(), model, options,
                                   RunLimits(model.config(), limits.max_prompts, limits.checkpoint));
    case v1::PromptSource::SOURCE_NOT_SET:
      break;
  }
  return InvalidField("prompts.source", "must be set");
}

}  // namespace

absl::Status ValidatePromptSource(const v1::PromptSource& source) {
  switch (source.source_case()) {
    case v1::PromptSource::kTask:
      break;
    case v1::PromptSource::kPairsDatasetSha256:
      RETURN_IF_ERROR(ValidateSha256(source.pairs_dataset_sha256(), "pairs_dataset_sha256"));
      break;
    case v1::PromptSource::kPublished:
      RETURN_IF_ERROR(ValidatePublished(source.published()));
      break;
    case v1::PromptSource::kInline:
      RETURN_IF_ERROR(ValidateInlinePrompts(source.inline_()));
      break;
    case v1::PromptSource::SOURCE_NOT_SET:
      return InvalidField("source", "one of task, pairs_dataset_sha256, published and inline must be set");
  }
  // As uint32: a number of 2^31 or more must not wrap.
  if (source.has_num_samples() && (source.num_samples() < 1 || source.num_samples() > uint32_t{kMaxNumSamples})) {
    return InvalidField("num_samples", absl::StrCat(source.num_samples(), ", must be 1-", kMaxNumSamples));
  }
  return FromProto(source.multi_token_answers(), "multi_token_answers").status();
}

bool IsSlowToMake(const v1::PromptSource& source) {
  constexpr uint32_t kFewSamples = 64;
  return !source.has_inline_() && !(source.has_task() && source.num_samples() <= kFewSamples);
}

absl::StatusOr<PromptPairs> MakePromptPairs(const DatasetStore& datasets, const v1::PromptSource& source,
                                            const Model& model, PairNeeds needs, const SourceLimits& limits) {
  PromptSetOptions options;
  if (source.has_num_samples()) options.num_samples = static_cast<int>(source.num_samples());
  ASSIGN_OR_RETURN(options.multi_token_answers, FromProto(source.multi_token_answers(), "prompts.multi_token_answers"));
  // Before they are tokenized, if it is known then.
  RETURN_IF_ERROR(CheckCount(int64_t{source.num_samples()} * CountVariants(source), limits.max_prompts));
  ASSIGN_OR_RETURN(PromptPairs pairs, MakePairs(datasets, source, model, options, limits));
  RETURN_IF_ERROR(CheckCount(static_cast<int64_t>(pairs.size()), limits.max_prompts));
  // All others are checked already, and have everything.
  if (source.has_inline_()) RETURN_IF_ERROR(ValidatePairs(model.config(), pairs, needs, "prompts.inline"));
  return pairs;
}

}  // namespace circuitd
