#include "server/circuit/export_text.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"
#include "nlohmann/json.hpp"

namespace circuitd {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// The first 8 digits tell one sha256 from another.
std::string ShortHash(const std::string& sha256) { return sha256.substr(0, 8); }

}  // namespace

std::string MlpMeansName(MlpMeans means) { return means == MlpMeans::kClean ? "clean" : "seqcont"; }

std::string TaskTitle(const PruningReport& report) {
  const auto source = nlohmann::json::parse(report.task_json, nullptr, /*allow_exceptions=*/false);
  if (!source.is_object()) return "prompts";
  if (const auto task = source.find("task"); task != source.end()) {
    if (task->is_string()) return task->get<std::string>();
    if (task->is_object() && task->contains("task") && (*task)["task"].is_string()) {
      return (*task)["task"].get<std::string>();
    }
  }
  if (const auto pairs = source.find("pairs_dataset_sha256"); pairs != source.end() && pairs->is_string()) {
    return absl::StrCat("uploaded prompts ", ShortHash(pairs->get<std::string>()));
  }
  return source.contains("published") ? "published prompts" : "prompts";
}

std::string CircuitTitle(const PruningReport& report) {
  return absl::StrCat("Circuit for ", TaskTitle(report), " in ", report.model_name);
}

std::string ScoreLine(const PruningReport& report) {
  const NodeSet& circuit = report.result.circuit;
  return absl::StrFormat("%.1f %% of the model's logit difference with %d of %d heads and %d of %d MLPs",
                         report.result.score, CountHeads(circuit), report.config.n_layers * report.config.n_heads,
                         CountMlps(circuit), report.config.n_layers);
}

std::string ParameterLine(const PruningReport& report) {
  return absl::StrCat("threshold ", report.options.threshold, " \u00b7 ", MlpMeansName(report.options.means),
                      " means \u00b7 ", report.prompt_count, " prompts \u00b7 ",
                      report.result.converged ? "converged after " : "stopped after ", report.result.decision_count,
                      " decisions");
}

std::string CleanText(absl::string_view text) {
  std::string valid;
  for (std::optional<size_t> bad; (bad = FirstInvalidUtf8(text)); text.remove_prefix(*bad + 1)) {
    absl::StrAppend(&valid, text.substr(0, *bad), kReplacement);
  }
  absl::StrAppend(&valid, text);
  std::string clean;
  for (const char c : valid) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    control ? clean.append(kReplacement) : clean.append(1, c);
  }
  return clean;
}

}  // namespace circuitd
