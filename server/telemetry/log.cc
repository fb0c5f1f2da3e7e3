#include "server/telemetry/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"

namespace circuitd {
namespace {

std::atomic<LogFormat> log_format{LogFormat::kText};

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void Write(spdlog::level::level_enum level, absl::string_view message, std::initializer_list<LogField> fields) {
  spdlog::logger* logger = spdlog::default_logger_raw();
  if (!logger->should_log(level)) return;
  logger->log(level, "{}", FormatLogLine(log_format, message, fields));
}

}  // namespace

absl::Status InitLogging(absl::string_view level, LogFormat format) {
  spdlog::level::level_enum chosen = spdlog::level::off;
  if (level == "debug") chosen = spdlog::level::debug;
  if (level == "info") chosen = spdlog::level::info;
  if (level == "warning") chosen = spdlog::level::warn;
  if (level == "error") chosen = spdlog::level::err;
  if (chosen == spdlog::level::off) {
    return InvalidField("log-level", absl::StrCat("\"", level, "\", must be debug, info, warning or error"));
  }
  log_format = format;
  auto logger = std::make_shared<spdlog::logger>("circuitd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(chosen);
  // In JSON the message is an object's inner part already.
  logger->set_pattern(format == LogFormat::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})"
                                                 : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

std::string FormatLogLine(LogFormat format, absl::string_view message, std::initializer_list<LogField> fields) {
  if (format == LogFormat::kJson) {
    nlohmann::ordered_json line = {{"message", std::string(message)}};
    for (const LogField& field : fields) line[std::string(field.key)] = field.value;
    const std::string text = Dump(line);
    return text.substr(1, text.size() - 2);
  }
  // Quoted as JSON strings where a bare value would be misread: clients choose some of them.
  std::string line;
  for (const char c : message) line += (static_cast<unsigned char>(c) < 0x20) ? ' ' : c;
  for (const LogField& field : fields) {
    const bool plain =
        !field.value.empty() &&
        field.value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:[]") ==
            std::string::npos;
    absl::StrAppend(&line, " ", field.key, "=", plain ? field.value : Dump(field.value));
  }
  return line;
}

void LogInfo(absl::string_view message) { Write(spdlog::level::info, message, {}); }
void LogWarning(absl::string_view message) { Write(spdlog::level::warn, message, {}); }
void LogError(absl::string_view message) { Write(spdlog::level::err, message, {}); }

void LogRpc(absl::string_view method, absl::string_view code, double seconds, absl::string_view peer) {
  Write(spdlog::level::debug, "rpc",
        {{"method", std::string(method)},
         {"code", std::string(code)},
         {"seconds", absl::StrFormat("%.6f", seconds)},
         {"peer", std::string(peer)}});
}

void LogJob(absl::string_view id, absl::string_view owner, absl::string_view state, absl::string_view detail) {
  if (detail.empty()) {
    Write(spdlog::level::info, "job",
          {{"job", std::string(id)}, {"owner", std::string(owner)}, {"state", std::string(state)}});
    return;
  }
  Write(spdlog::level::info, "job",
        {{"job", std::string(id)},
         {"owner", std::string(owner)},
         {"state", std::string(state)},
         {"detail", std::string(detail)}});
}

}  // namespace circuitd
