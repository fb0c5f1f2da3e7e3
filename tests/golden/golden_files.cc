#include "tests/golden/golden_files.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/registry.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " can't be opened"));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::string RepositoryPath(const std::string& path) { return absl::StrCat(CIRCUITD_SOURCE_DIR, "/", path); }

absl::StatusOr<std::string> SharedPath(const std::string& path) {
  const std::string result = absl::StrCat(CIRCUITD_SOURCE_DIR, "/../shared/", path);
  if (!std::filesystem::exists(result)) {
    return absl::NotFoundError(
        absl::StrCat("this test needs ../shared/", path, " beside the repository: ", result, " isn't there"));
  }
  return result;
}

absl::StatusOr<std::shared_ptr<const Model>> LoadFolder(const std::string& folder) {
  ModelRegistry::Options options;
  options.locations.folders = {{"golden", folder}};
  return ModelRegistry(options).Load("golden", {});
}

absl::StatusOr<nlohmann::json> ReadJson(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::FailedPreconditionError(absl::StrCat(path, " is not JSON"));
  return json;
}

absl::StatusOr<PromptPairs> ReadDumpedPrompts(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  PromptPairs pairs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return absl::FailedPreconditionError(absl::StrCat(path, " is not JSONL"));
    pairs.push_back({json["clean_ids"], json["corrupted_ids"], json["correct_ids"], json["incorrect_ids"], {}});
  }
  return pairs;
}

absl::StatusOr<PromptPairs> ReadPublishedPrompts(const Model& model, const std::string& task, int num_samples) {
  std::vector<std::string> clean;
  for (const char* variant : {"done", "lost", "names"}) {
    ASSIGN_OR_RETURN(const std::string path,
                     SharedPath(absl::StrCat("prompts/", task, "_prompts_", variant, ".jsonl")));
    ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    clean.push_back(std::move(text));
  }
  ASSIGN_OR_RETURN(const std::string path, SharedPath(absl::StrCat("prompts/randDS_", task, ".jsonl")));
  ASSIGN_OR_RETURN(const std::string corrupted, ReadFile(path));
  PromptSetOptions options;
  options.num_samples = num_samples;
  return TokenizePublished({model.tokenizer(), &model.config()}, {clean.begin(), clean.end()}, corrupted, options);
}

}  // namespace circuitd
