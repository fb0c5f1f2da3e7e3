// What golden tests read: models, JSON and prompts, of the repository and of the shared material beside it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// "tests/golden/…" and "models/…" of the repository.
std::string RepositoryPath(const std::string& path);
// The shared material's; NOT_FOUND, saying what is missing, if it isn't there.
absl::StatusOr<std::string> SharedPath(const std::string& path);

// The model in a folder, on the CPU in float32.
absl::StatusOr<std::shared_ptr<const Model>> LoadFolder(const std::string& folder);

absl::StatusOr<nlohmann::json> ReadJson(const std::string& path);

// Pairs of token ids, a JSON object a line, as tools/dump_prompts prints them.
absl::StatusOr<PromptPairs> ReadDumpedPrompts(const std::string& path);
// The first `num_samples` pairs of each variant of a task's published prompts.
absl::StatusOr<PromptPairs> ReadPublishedPrompts(const Model& model, const std::string& task, int num_samples);

}  // namespace circuitd
