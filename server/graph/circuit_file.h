// Reads the JSON of circuit files, which may be hostile, without ever holding their long lists.
#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace circuitd {

using FileJson = nlohmann::ordered_json;

// An entry of a top-level array or object.
struct FileEntry {
  absl::string_view list;  // the top-level key
  bool named;              // of an object
  absl::string_view name;  // its key there
  size_t index;            // from 0
  const FileJson& value;

  // `edges[17]`, `nodes["m0"]`.
  std::string Place() const;
};

// The text's object. The lists that circuits have ("nodes", "edges", "other_edges", "heads", "mlps", "neurons") are
// empty in it: their entries go to `on_entry`, one by one as they stand in the file. INVALID_ARGUMENT, naming the
// place, for text that is not JSON (numbers that no double holds among it) or no object, a key twice in an object, and
// nesting, objects and values besides the lists beyond what a circuit has. Takes time in proportion to the text.
absl::StatusOr<FileJson> ReadCircuitFile(absl::string_view text,
                                         absl::FunctionRef<void(const FileEntry& entry)> on_entry);

}  // namespace circuitd
