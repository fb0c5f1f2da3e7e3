#include "client/cli/top_json.h"

#include <vector>

#include "client/cli/json_output.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

using Json = nlohmann::ordered_json;

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

Json ToJson(const google::protobuf::Message& message) { return Json::parse(JsonLine(message)); }

template <typename Message>
Json ToJson(const std::vector<Message>& messages) {
  Json list = Json::array();
  for (const Message& message : messages) list.push_back(ToJson(message));
  return list;
}

std::string Dump(const Json& json, bool one_line) {
  return json.dump(one_line ? -1 : 2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string TopJson(const TopSnapshot& snapshot, absl::Time time, bool one_line) {
  const Json json = {{"time", TimeText(time)},
                     {"server", ToJson(snapshot.info)},
                     {"models", ToJson(snapshot.models)},
                     {"running", ToJson(snapshot.running)},
                     {"queued", ToJson(snapshot.queued)},
                     {"ended", ToJson(snapshot.ended)}};
  return Dump(json, one_line);
}

std::string TopErrorJson(const absl::Status& error, absl::Time time) {
  const Json json = {
      {"time", TimeText(time)},
      {"error", {{"code", absl::StatusCodeToString(error.code())}, {"message", std::string(error.message())}}}};
  return Dump(json, /*one_line=*/true);
}

}  // namespace circuitd::client
