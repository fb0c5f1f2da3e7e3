// A circuit as a command line names it: a file, a folder with a circuit.json, or a job.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/circuit.pb.h"
#include "client/client.h"

namespace circuitd::client {

struct LocalCircuit {
  // Everything but the dataset's name, which needs an upload.
  v1::CircuitSource source;
  // Of a file.
  std::optional<std::string> bytes;
};

// "numerals" for "numerals.json"; what is called circuit.json goes by its folder's name, as do folders: "numerals-7"
// for "circuit-out/numerals-7/circuit.json". As ShortLabel.
std::string CircuitLabel(const std::string& path);

// "jobs/4jcjlld5gqno" and, where there is no such file, "4jcjlld5gqno" are a job's circuit; everything else is a path.
// NOT_FOUND for what is neither.
absl::StatusOr<LocalCircuit> ReadCircuitSource(const std::string& argument);

// All of them; labels that are there twice get numbers: "numerals", "numerals-2". The second takes paths alone.
absl::StatusOr<std::vector<LocalCircuit>> ReadCircuitSources(const std::vector<std::string>& arguments);
absl::StatusOr<std::vector<LocalCircuit>> ReadCircuitFiles(const std::vector<std::string>& paths);

// Makes sure that the server has the file, and names it in `source`.
absl::Status UploadCircuit(Client& client, const LocalCircuit& circuit, v1::CircuitSource& source);

// Of labels at the server.
inline constexpr size_t kMaxLabelBytes = 63;

// As many of the first bytes of `text` as a label can have, up to where they aren't UTF-8.
std::string ShortLabel(const std::string& text, size_t max_bytes = kMaxLabelBytes);

// `label`, or, where that is taken, "label-2" or whatever number is the first free one; takes it. Empty ones stay.
std::string FreeLabel(const std::string& label, std::set<std::string>& taken);

// Of options that take one.
inline constexpr char kCircuitHelp[] =
    "A circuit: a file, a folder with circuit.json, or the job that has found it (jobs/ID, or ID)";

}  // namespace circuitd::client
