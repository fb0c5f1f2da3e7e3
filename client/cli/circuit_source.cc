#include "client/cli/circuit_source.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/utf8.h"
#include "client/cli/circuit_files.h"
#include "client/cli/command.h"
#include "client/dataset_upload.h"

namespace circuitd::client {
namespace {

namespace fs = std::filesystem;

// As the server makes them: 60 bits in base32.
bool IsJobId(absl::string_view text) {
  constexpr size_t kIdLength = 12;
  return text.size() == kIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
}

bool NamesAJob(const std::string& argument) {
  absl::string_view id = argument;
  if (absl::ConsumePrefix(&id, "jobs/")) return IsJobId(id);
  std::error_code error;
  return IsJobId(id) && !fs::exists(argument, error);
}

absl::StatusOr<LocalCircuit> ReadLocal(const std::string& path) {
  LocalCircuit circuit;
  ASSIGN_OR_RETURN(circuit.bytes, ReadCircuitFile(path));
  circuit.source.set_label(CircuitLabel(path));
  return circuit;
}

absl::StatusOr<std::vector<LocalCircuit>> ReadAll(
    const std::vector<std::string>& arguments,
    const std::function<absl::StatusOr<LocalCircuit>(const std::string&)>& read) {
  std::vector<LocalCircuit> circuits;
  std::set<std::string> taken;
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(LocalCircuit circuit, read(argument));
    circuit.source.set_label(FreeLabel(circuit.source.label(), taken));
    circuits.push_back(std::move(circuit));
  }
  return circuits;
}

}  // namespace

std::string CircuitLabel(const std::string& path) {
  std::error_code error;
  fs::path file = fs::path(path).lexically_normal();
  if (!file.has_filename()) file = file.parent_path();  // "folder/"
  if (file.filename() == "circuit.json" && file.has_parent_path()) file = file.parent_path();
  const bool folder = fs::is_directory(file, error);
  return ShortLabel(folder ? file.filename().string() : file.stem().string());
}

absl::StatusOr<LocalCircuit> ReadCircuitSource(const std::string& argument) {
  if (!NamesAJob(argument)) {
    absl::StatusOr<LocalCircuit> local = ReadLocal(argument);
    std::error_code error;
    if (absl::IsNotFound(local.status()) && !fs::exists(argument, error)) {
      return absl::NotFoundError(absl::StrCat(argument, ": no such file, and no job's name"));
    }
    return local;
  }
  LocalCircuit circuit;
  circuit.source.set_job(JobName(argument));
  // Several jobs may be of the same task.
  circuit.source.set_label(std::string(absl::StripPrefix(argument, "jobs/")));
  return circuit;
}

absl::StatusOr<std::vector<LocalCircuit>> ReadCircuitSources(const std::vector<std::string>& arguments) {
  return ReadAll(arguments, ReadCircuitSource);
}

absl::StatusOr<std::vector<LocalCircuit>> ReadCircuitFiles(const std::vector<std::string>& paths) {
  return ReadAll(paths, ReadLocal);
}

std::string FreeLabel(const std::string& label, std::set<std::string>& taken) {
  std::string free = label;
  for (int i = 2; !free.empty() && !taken.insert(free).second; ++i) {
    const std::string suffix = absl::StrCat("-", i);
    free = absl::StrCat(ShortLabel(label, kMaxLabelBytes - suffix.size()), suffix);
  }
  return free;
}

std::string ShortLabel(const std::string& text, size_t max_bytes) {
  const std::string start = text.substr(0, max_bytes);
  return start.substr(0, FirstInvalidUtf8(start).value_or(start.size()));
}

absl::Status UploadCircuit(Client& client, const LocalCircuit& circuit, v1::CircuitSource& source) {
  if (!circuit.bytes) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string sha256, EnsureDataset(client, v1::DATASET_FORMAT_CIRCUIT, *circuit.bytes));
  source.set_dataset_sha256(sha256);
  return absl::OkStatus();
}

}  // namespace circuitd::client
