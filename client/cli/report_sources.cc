#include "client/cli/report_sources.h"

#include <cstddef>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

namespace fs = std::filesystem;

constexpr char kCircuit[] = "circuit.json";
constexpr char kEvaluation[] = "evaluation.json";

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool HasFile(const std::string& folder, const std::string& name) {
  std::error_code error;
  return fs::exists(fs::path(folder) / name, error);
}

std::string FolderOf(const std::string& path) { return IsFolder(path) ? path : fs::path(path).parent_path().string(); }

// The file, if it is there.
absl::Status Take(const std::string& name, size_t max_bytes, ReportFolder* folder) {
  const std::string parent = folder->path.empty() ? "." : folder->path;
  if (!HasFile(parent, name)) return absl::OkStatus();
  const std::string path = (fs::path(folder->path) / name).string();
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, max_bytes));
  folder->files.push_back({name, std::move(bytes), path});
  return absl::OkStatus();
}

absl::Status TakeBesideCircuit(ReportFolder* folder) {
  RETURN_IF_ERROR(Take("decisions.jsonl", kMaxDecisionsBytes, folder));
  return Take("heads.json", kMaxHeadDetailsBytes, folder);
}

absl::StatusOr<ReportFolder> ReadCircuitSource(const std::string& path) {
  ReportFolder folder{FolderOf(path), "", {}};
  RETURN_IF_ERROR(Take(kCircuit, kMaxCircuitFileBytes, &folder));
  RETURN_IF_ERROR(TakeBesideCircuit(&folder));
  return folder;
}

}  // namespace

bool NamesAFolder(const std::string& path) {
  const fs::path name = fs::path(path).filename();
  return IsFolder(path) || name == kCircuit || name == kEvaluation;
}

absl::StatusOr<ReportFolder> ReadEvaluationSource(const std::string& path) {
  ReportFolder folder{FolderOf(path), "", {}};
  RETURN_IF_ERROR(Take(kEvaluation, kMaxEvaluationBytes, &folder));
  for (size_t place = 0; place < kMostEvaluated; ++place) {
    RETURN_IF_ERROR(Take(JudgedCircuitFile(place), kMaxCircuitFileBytes, &folder));
  }
  RETURN_IF_ERROR(Take("heads.json", kMaxHeadDetailsBytes, &folder));
  return folder;
}

absl::StatusOr<ReportFolder> ReportSourceOfCircuit(const std::string& path, const std::string& bytes) {
  const bool folder_path = IsFolder(path) || fs::path(path).filename() == kCircuit;
  ReportFolder folder{folder_path ? FolderOf(path) : path, "", {{kCircuit, bytes, path}}};
  if (folder_path) RETURN_IF_ERROR(TakeBesideCircuit(&folder));
  return folder;
}

absl::StatusOr<ReportFolder> ReadReportSource(const std::string& path) {
  std::error_code error;
  if (IsFolder(path)) {
    if (HasFile(path, kEvaluation)) return ReadEvaluationSource(path);
    if (HasFile(path, kCircuit)) return ReadCircuitSource(path);
    return absl::InvalidArgumentError(absl::StrCat(path, ": has neither circuit.json nor evaluation.json"));
  }
  if (fs::exists(path, error)) {
    const fs::path name = fs::path(path).filename();
    if (name == kEvaluation) return ReadEvaluationSource(path);
    if (name == kCircuit) return ReadCircuitSource(path);
  }
  static_assert(kMaxCircuitFileBytes == kMaxEvaluationBytes);
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, kMaxCircuitFileBytes));
  // What is no circuit's file and says that it is an evaluation's is one.
  const bool evaluation = absl::StrContains(bytes, "circuitd.evaluation/") && !CircuitFormatOf(bytes).ok();
  return ReportFolder{path, "", {{evaluation ? kEvaluation : kCircuit, std::move(bytes), path}}};
}

}  // namespace circuitd::client
