// Files of circuits on this machine.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/circuit_model.h"
#include "client/cli/command.h"
#include "server/graph/circuit_document.h"

namespace circuitd::client {

// A circuit's file, or that of a folder which has one. Errors as ReadFile, and INVALID_ARGUMENT over 64 MiB.
absl::StatusOr<std::string> ReadCircuitFile(const std::string& path);

// The file's circuit, `model`'s. INVALID_ARGUMENT begins with the path: a file that ParseCircuit refuses, one of
// another model, and one that names no dimensions where no model is given.
absl::StatusOr<CircuitDocument> ParseCircuitFile(absl::string_view path, absl::string_view bytes,
                                                 const std::optional<CircuitModel>& model);

// Whole or not at all to the file `path`, or, if that is empty, to standard output.
absl::Status WriteText(CommandContext& context, const std::string& path, absl::string_view text);

}  // namespace circuitd::client
