#include "client/cli/prompt_files.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

const std::vector<std::string>& AllVariants() {
  static const auto& variants = *new std::vector<std::string>{"done", "lost", "names"};
  return variants;
}

}  // namespace

absl::StatusOr<std::string> CutCorrupted(absl::string_view corrupted, const std::vector<std::string>& variants) {
  if (variants == AllVariants()) return std::string(corrupted);
  std::vector<absl::string_view> lines = absl::StrSplit(corrupted, '\n');
  lines.erase(std::remove_if(lines.begin(), lines.end(),
                             [](absl::string_view line) { return absl::StripAsciiWhitespace(line).empty(); }),
              lines.end());
  const size_t count = AllVariants().size();
  if (lines.size() % count != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(lines.size(), " lines do not divide into ", count, " variants' blocks"));
  }
  const size_t block = lines.size() / count;
  std::string out;
  for (const std::string& variant : variants) {
    const auto found = std::find(AllVariants().begin(), AllVariants().end(), variant);
    if (found == AllVariants().end()) {
      return InvalidField("--variants", absl::StrCat("'", variant, "', must be done, lost or names"));
    }
    const size_t begin = block * static_cast<size_t>(std::distance(AllVariants().begin(), found));
    for (size_t i = begin; i < begin + block; ++i) absl::StrAppend(&out, lines[i], "\n");
  }
  return out;
}

absl::StatusOr<PublishedFiles> ReadPublishedFolder(const std::string& folder, const std::string& task,
                                                   const std::vector<std::string>& variants) {
  const std::vector<std::string>& wanted = variants.empty() ? AllVariants() : variants;
  const std::string path = absl::StrCat(folder, "/randDS_", task, ".jsonl");
  ASSIGN_OR_RETURN(const std::string corrupted, ReadFile(path));
  absl::StatusOr<std::string> cut = CutCorrupted(corrupted, wanted);
  if (!cut.ok()) return FieldOf(cut.status()) ? cut.status() : WithFieldPrefix(path, cut.status());
  PublishedFiles files;
  files.corrupted = *std::move(cut);
  for (const std::string& variant : wanted) {
    ASSIGN_OR_RETURN(std::string clean, ReadFile(absl::StrCat(folder, "/", task, "_prompts_", variant, ".jsonl")));
    files.clean.push_back(std::move(clean));
  }
  return files;
}

}  // namespace circuitd::client
