#include "server/service/prompt_sources.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

absl::Status ValidateName(const std::string& name, const std::vector<std::string>& names, absl::string_view field) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("\"", name, "\", must be one of ", absl::StrJoin(names, ", ")));
}

absl::Status ValidateTask(const v1::GeneratedTask& task) {
  RETURN_IF_ERROR(ValidateName(task.task(), GeneratedTaskNames(), "task.task"));
  for (int i = 0; i < task.variants_size(); ++i) {
    const std::string field = absl::StrCat("task.variants[", i, "]");
    RETURN_IF_ERROR(ValidateName(task.variants(i), GeneratedVariantNames(), field));
    if (std::count(task.variants().begin(), task.variants().end(), task.variants(i)) > 1) {
      return InvalidField(field, absl::StrCat("\"", task.variants(i), "\" is there more than once"));
    }
  }
  return absl::OkStatus();
}

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
                                                                 const std::string& sha256, DatasetFormat format,
                                                                 absl::string_view field) {
  absl::StatusOr<std::shared_ptr<const StoredDataset>> dataset = datasets.Get(sha256);
  if (!dataset.ok()) {
    return FieldError(dataset.status().code(), field, absl::StrCat("no dataset ", sha256, "; upload it first"));
  }
  if ((*dataset)->format != format) {
    return InvalidField(field, absl::StrCat("dataset ", sha256, " has another format, must be ",
                                            format == DatasetFormat::kPairs ? "PAIRS" : "PUBLISHED"));
  }
  return dataset;
}

absl::StatusOr<PromptPairs> ReadPublished(const DatasetStore& datasets, const v1::PublishedPrompts& published,
                                          const ModelVocabulary& vocabulary, const PromptSetOptions& options) {
  // Kept until the end, though they may be deleted meanwhile.
  std::vector<std::shared_ptr<const StoredDataset>> held;
  std::vector<absl::string_view> clean;
  for (int i = 0; i < published.clean_dataset_sha256s_size(); ++i) {
    ASSIGN_OR_RETURN(auto dataset, FindDataset(datasets, published.clean_dataset_sha256s(i), DatasetFormat::kPublished,
                                               absl::StrCat("prompts.published.clean_dataset_sha256s[", i, "]")));
    clean.push_back(dataset->bytes);
    held.push_back(std::move(dataset));
  }
  ASSIGN_OR_RETURN(const auto corrupted,
                   FindDataset(datasets, published.corrupted_dataset_sha256(), DatasetFormat::kPublished,
                               "prompts.published.corrupted_dataset_sha256"));
  return TokenizePublished(vocabulary, clean, corrupted->bytes, options);
}

}  // namespace

absl::Status ValidatePromptSource(const v1::PromptSource& source) {
  switch (source.source_case()) {
    case v1::PromptSource::kTask:
      RETURN_IF_ERROR(ValidateTask(source.task()));
      break;
    case v1::PromptSource::kPairsDatasetSha256:
      RETURN_IF_ERROR(ValidateSha256(source.pairs_dataset_sha256(), "pairs_dataset_sha256"));
      break;
    case v1::PromptSource::kPublished:
      RETURN_IF_ERROR(ValidatePublished(source.published()));
      break;
    case v1::PromptSource::SOURCE_NOT_SET:
      return InvalidField("source", "one of task, pairs_dataset_sha256 and published must be set");
  }
  // As uint32: a number of 2^31 or more must not wrap.
  if (source.has_num_samples() && (source.num_samples() < 1 || source.num_samples() > uint32_t{kMaxNumSamples})) {
    return InvalidField("num_samples", absl::StrCat(source.num_samples(), ", must be 1-", kMaxNumSamples));
  }
  return FromProto(source.multi_token_answers(), "multi_token_answers").status();
}

absl::StatusOr<PromptPairs> MakePromptPairs(const DatasetStore& datasets, const v1::PromptSource& source,
                                            const Model& model) {
  const ModelVocabulary vocabulary{model.tokenizer(), &model.config()};
  PromptSetOptions options;
  if (source.has_num_samples()) options.num_samples = static_cast<int>(source.num_samples());
  ASSIGN_OR_RETURN(options.multi_token_answers, FromProto(source.multi_token_answers(), "prompts.multi_token_answers"));
  switch (source.source_case()) {
    case v1::PromptSource::kTask: {
      const v1::GeneratedTask& task = source.task();
      std::vector<std::string> variants(task.variants().begin(), task.variants().end());
      if (variants.empty()) variants = GeneratedVariantNames();
      return GenerateSequenceContinuation(vocabulary, task.task(), variants, task.seed(), options);
    }
    case v1::PromptSource::kPairsDatasetSha256: {
      ASSIGN_OR_RETURN(const auto dataset, FindDataset(datasets, source.pairs_dataset_sha256(), DatasetFormat::kPairs,
                                                       "prompts.pairs_dataset_sha256"));
      return TokenizePairs(vocabulary, dataset->bytes, options);
    }
    case v1::PromptSource::kPublished:
      return ReadPublished(datasets, source.published(), vocabulary, options);
    case v1::PromptSource::SOURCE_NOT_SET:
      break;
  }
  return InvalidField("prompts.source", "must be set");
}

}  // namespace circuitd
