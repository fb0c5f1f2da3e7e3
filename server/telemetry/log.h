// Every log line of the server and its fields, defined once. Lines go to stderr.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

enum class LogFormat { kText, kJson };

// `level` is "debug", "info", "warning" or "error" (INVALID_ARGUMENT for others). Call before threads start.
absl::Status InitLogging(absl::string_view level, LogFormat format);

// Thread-safe, like all below.
void LogInfo(absl::string_view message);
void LogWarning(absl::string_view message);
void LogError(absl::string_view message);

// One line an RPC, at debug.
void LogRpc(absl::string_view method, absl::string_view code, double seconds, absl::string_view peer);

// A job entered a state, at info. `detail` says why it failed.
void LogJob(absl::string_view id, absl::string_view owner, absl::string_view state, absl::string_view detail);

// The fields of a line as JSON or as `key=value`: what LogRpc and LogJob write. For tests.
struct LogField {
  absl::string_view key;
  std::string value;
};
std::string FormatLogLine(LogFormat format, absl::string_view message, std::initializer_list<LogField> fields);

}  // namespace circuitd
