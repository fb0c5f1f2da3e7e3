// Makes sure that the server has a dataset.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/client.h"

namespace circuitd::client {

// The sha256 that names `bytes` at the server; they are sent only if the server does not have them in this format.
absl::StatusOr<std::string> EnsureDataset(Client& client, v1::DatasetFormat format, absl::string_view bytes);

}  // namespace circuitd::client
