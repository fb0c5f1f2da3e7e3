#include "server/model/locator.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "server/model/model_name.h"
#include "server/model/quote.h"
#include "server/model/tokenizer_files.h"

namespace circuitd {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRevisionBytes = 200;
constexpr size_t kMaxListedNames = 20;
constexpr absl::string_view kCachePrefix = "models--";
constexpr absl::string_view kConfigFile = "config.json";

absl::Status ModelError(absl::StatusCode code, absl::string_view name, absl::string_view description) {
  return FieldError(code, "model", absl::StrCat(QuoteName(name), " ", description));
}

bool HasFile(const fs::path& folder, absl::string_view name) {
  std::error_code error;
  return fs::exists(folder / std::string(name), error);
}

// The directories in `folder` whose names are parts of model names.
std::vector<std::string> Subfolders(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code is_directory_error;
    if (entry->is_directory(is_directory_error)) names.push_back(entry->path().filename().string());
  }
  return names;
}

// A folder with a model, and the root that its files must not lie outside of.
struct Candidate {
  fs::path folder;
  fs::path root;
};

// A folder that a flag names may be anywhere, and may itself be a snapshot in a Hugging Face cache, whose files are
// links into the blobs folder beside it.
Candidate NamedFolder(const std::string& folder) {
  std::error_code error;
  const fs::path path = fs::weakly_canonical(folder, error);
  const fs::path snapshots = path.parent_path();
  const fs::path repository = snapshots.parent_path();
  const bool is_snapshot =
      snapshots.filename() == "snapshots" && absl::StartsWith(repository.filename().string(), kCachePrefix);
  return {folder, is_snapshot ? repository : path};
}

// The snapshot that refs/main names; without it the newest, by time of download. Empty if there is none.
fs::path Snapshot(const fs::path& repository) {
  const fs::path snapshots = repository / "snapshots";
  std::error_code error;
  if (fs::is_regular_file(repository / "refs" / "main", error)) {
    std::string revision;
    std::ifstream(repository / "refs" / "main") >> std::setw(kMaxRevisionBytes) >> revision;
    const bool is_plain = !revision.empty() && revision.front() != '.' && revision.find('/') == std::string::npos;
    const fs::path snapshot = snapshots / revision;
    return is_plain && HasFile(snapshot, kConfigFile) ? snapshot : fs::path();
  }
  fs::path newest;
  fs::file_time_type newest_time;
  for (const std::string& name : Subfolders(snapshots)) {
    const fs::path snapshot = snapshots / name;
    if (!HasFile(snapshot, kConfigFile)) continue;
    const fs::file_time_type time = fs::last_write_time(snapshot, error);
    // Equal times: by name, so that the answer does not depend on the directory's order.
    if (newest.empty() || std::pair(time, snapshot) > std::pair(newest_time, newest)) {
      newest = snapshot;
      newest_time = time;
    }
  }
  return newest;
}

// By canonical name.
using Candidates = std::map<std::string, Candidate>;

// Of several spellings of one model the canonical one wins, then its aliases in order.
Candidates ByCanonicalName(const std::map<std::string, Candidate>& spelled) {
  Candidates result;
  for (const auto& [spelling, unused] : spelled) {
    const std::string canonical = CanonicalModelName(spelling);
    std::vector<std::string> spellings = ModelAliases(canonical);
    spellings.insert(spellings.begin(), canonical);
    for (const std::string& preferred : spellings) {
      const auto found = spelled.find(preferred);
      if (found != spelled.end()) result.try_emplace(canonical, found->second);
    }
  }
  return result;
}

Candidates InNamedFolders(const std::map<std::string, std::string>& folders) {
  std::map<std::string, Candidate> spelled;
  for (const auto& [name, folder] : folders) spelled.emplace(name, NamedFolder(folder));
  return ByCanonicalName(spelled);
}

Candidates InRepository(const fs::path& repository) {
  std::map<std::string, Candidate> spelled;
  const auto add = [&](const std::string& name) {
    if (ValidateModelName(name).ok()) spelled.emplace(name, Candidate{repository / name, repository});
  };
  for (const std::string& name : Subfolders(repository)) {
    if (HasFile(repository / name, kConfigFile)) {
      add(name);
      continue;
    }
    for (const std::string& inner : Subfolders(repository / name)) {
      if (HasFile(repository / name / inner, kConfigFile)) add(absl::StrCat(name, "/", inner));
    }
  }
  return ByCanonicalName(spelled);
}

Candidates InCache(const fs::path& cache) {
  std::map<std::string, Candidate> spelled;
  for (const std::string& entry : Subfolders(cache)) {
    if (!absl::StartsWith(entry, kCachePrefix)) continue;
    const std::string name = absl::StrReplaceAll(entry.substr(kCachePrefix.size()), {{"--", "/"}});
    if (!ValidateModelName(name).ok()) continue;
    const fs::path snapshot = Snapshot(cache / entry);
    if (!snapshot.empty()) spelled.emplace(name, Candidate{snapshot, cache});
  }
  return ByCanonicalName(spelled);
}

// Everything in all roots, the earlier ones first.
Candidates AllCandidates(const ModelLocator::Options& options) {
  Candidates all = InNamedFolders(options.folders);
  for (const std::string& repository : options.repositories) all.merge(InRepository(repository));
  for (const std::string& cache : options.hugging_face_caches) all.merge(InCache(cache));
  return all;
}

bool IsInside(const fs::path& root, const fs::path& path) {
  const auto [end, unused] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

// The files that loading may read.
bool IsModelFile(const std::string& name) {
  const auto& tokenizer_files = TokenizerFileNames();
  return name == kConfigFile || absl::EndsWith(name, ".safetensors") || name == "model.safetensors.index.json" ||
         std::find(tokenizer_files.begin(), tokenizer_files.end(), name) != tokenizer_files.end();
}

// The candidate as a location. Whoever may write into a repository must not make the server read other files, or wait
// for a FIFO.
absl::StatusOr<ModelLocator::Location> CheckFiles(const std::string& name, const Candidate& candidate) {
  const auto refused = [&](const auto&... parts) {
    return ModelError(absl::StatusCode::kFailedPrecondition, name, absl::StrCat(parts...));
  };
  std::error_code error;
  const fs::path root = fs::canonical(candidate.root, error);
  if (error) return refused("can't be read: its root folder: ", error.message());
  const fs::path folder = fs::canonical(candidate.folder, error);
  if (error) return refused("can't be read: its folder: ", error.message());
  if (!IsInside(root, folder)) return refused("is a link that leads out of the folder it was found in");
  ModelLocator::Location location{.name = name, .aliases = ModelAliases(name), .folder = candidate.folder.string()};
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (!IsModelFile(file)) continue;
    std::error_code file_error;
    const fs::path target = fs::canonical(entry->path(), file_error);
    if (file_error) return refused("can't be read: ", QuoteName(file), ": ", file_error.message());
    if (!IsInside(root, target)) {
      return refused("is refused: ", QuoteName(file), " is a link that leads out of the folder it was found in");
    }
    if (!fs::is_regular_file(target, file_error))
      return refused("is refused: ", QuoteName(file), " is not a regular file");
    const auto stamp = StampFile(target.string(), file);
    if (!stamp.ok()) return refused("can't be read: ", stamp.status().message());
    location.files.emplace(file, *stamp);
  }
  if (error) return refused("can't be read: its folder: ", error.message());
  return location;
}

std::string NamesThereAre(const std::vector<ModelLocator::Location>& locations) {
  if (locations.empty()) return "the server finds no models at all";
  std::vector<std::string> names;
  for (const auto& location : locations) {
    if (names.size() < kMaxListedNames) names.push_back(location.name);
  }
  const size_t others = locations.size() - names.size();
  return absl::StrCat("there are: ", absl::StrJoin(names, ", "),
                      others > 0 ? absl::StrCat(" and ", others, " others") : "");
}

}  // namespace

std::vector<std::string> ModelLocator::HuggingFaceCachesFromEnvironment() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  std::string cache = variable("HF_HUB_CACHE");
  if (cache.empty() && !variable("HF_HOME").empty()) cache = variable("HF_HOME") + "/hub";
  if (cache.empty() && !variable("XDG_CACHE_HOME").empty()) cache = variable("XDG_CACHE_HOME") + "/huggingface/hub";
  if (cache.empty() && !variable("HOME").empty()) cache = variable("HOME") + "/.cache/huggingface/hub";
  std::error_code error;
  if (cache.empty() || !fs::is_directory(cache, error)) return {};
  return {cache};
}

ModelLocator::ModelLocator(Options options) : options_(std::move(options)) {}

absl::StatusOr<ModelLocator::Location> ModelLocator::Find(absl::string_view name) const {
  RETURN_IF_ERROR(ValidateModelName(name));
  const std::string canonical = CanonicalModelName(name);
  const Candidates candidates = AllCandidates(options_);
  const auto found = candidates.find(canonical);
  if (found == candidates.end()) {
    return FieldError(absl::StatusCode::kNotFound, "model",
                      absl::StrCat("no model ", QuoteName(name), "; ", NamesThereAre(List())));
  }
  return CheckFiles(canonical, found->second);
}

std::vector<ModelLocator::Location> ModelLocator::List() const {
  std::vector<Location> locations;
  for (const auto& [name, candidate] : AllCandidates(options_)) {
    if (auto location = CheckFiles(name, candidate); location.ok()) locations.push_back(*std::move(location));
  }
  return locations;
}

}  // namespace circuitd
