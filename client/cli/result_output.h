// Where a reading's result goes: the terminal, JSON, a picture, a file of tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/atomic_file.h"
#include "client/cli/command.h"
#include "client/cli/report.h"
#include "client/tensor_set.h"
#include "google/protobuf/message.h"

namespace circuitd::client {

// One call's reply.
struct ResultPart {
  // Its key in JSON and the prefix of its tensors; empty if it is the only one.
  std::string name;
  const google::protobuf::Message* summary;
  const TensorSet* tensors;
};

// Files that were opened before a call that may take long, so that nothing is computed for a folder that cannot be
// written to.
class ResultFiles {
 public:
  ResultFiles() = default;

  // Writes the files, and then the result to standard output: one JSON document with the tensors as nested arrays (what
  // is not finite: null), or the report.
  absl::Status Show(CommandContext& context, const std::vector<ResultPart>& parts, const Report& report);

 private:
  friend class ResultOptions;
  std::optional<AtomicFile> svg_;
  std::optional<AtomicFile> tensors_;
};

// --svg and -o.
class ResultOptions {
 public:
  void AddTo(CLI::App& app);
  absl::StatusOr<ResultFiles> Open() const;

 private:
  std::string svg_;
  std::string tensors_;
};

// {summary's fields, "tensors": {"mean": [[…]]}}, of several parts {"name": {…}}; with a newline.
std::string ResultJson(const std::vector<ResultPart>& parts);

}  // namespace circuitd::client
