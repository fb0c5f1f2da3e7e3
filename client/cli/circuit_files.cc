#include "client/cli/circuit_files.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/atomic_file.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

absl::Status AboutFile(absl::string_view path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::string> ReadCircuitFile(const std::string& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  return ReadFile(folder ? (std::filesystem::path(path) / "circuit.json").string() : path, kMaxCircuitFileBytes);
}

absl::StatusOr<CircuitDocument> ParseCircuitFile(absl::string_view path, absl::string_view bytes,
                                                 const std::optional<CircuitModel>& model) {
  const absl::StatusOr<CircuitFormat> format = CircuitFormatOf(bytes);
  if (!format.ok()) return AboutFile(path, format.status());
  const bool has_dimensions = *format != CircuitFormat::kSeqcontJson;
  if (!has_dimensions && !model) {
    return AboutFile(path, absl::InvalidArgumentError("the file doesn't say how many layers and heads its model has"));
  }
  absl::StatusOr<CircuitDocument> document = ParseCircuit(bytes, has_dimensions ? nullptr : &model->config);
  if (!document.ok()) return AboutFile(path, document.status());
  if (model) {
    RETURN_IF_ERROR(CheckSameModel(path, ModelIdentityOf(*document), "asked for", *model));
    CompleteModel(*model, *document);
  }
  return document;
}

absl::Status WriteText(CommandContext& context, const std::string& path, absl::string_view text) {
  if (path.empty()) {
    context.out().Write(text);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(text));
  return file.Commit();
}

}  // namespace circuitd::client
