#include "client/cli/position_text.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

// `text` as it is, or, in double quotes, what they enclose.
absl::StatusOr<std::string> Unquote(absl::string_view text) {
  if (!absl::StartsWith(text, "\"")) return std::string(text);
  std::string out;
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      if (at + 1 == text.size()) return out;
      break;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out.push_back(text[at]);
  }
  return absl::InvalidArgumentError(absl::StrCat(text, " does not end with its closing quote"));
}

}  // namespace

absl::StatusOr<std::vector<absl::string_view>> SplitOutsideQuotes(absl::string_view text, char separator) {
  std::vector<absl::string_view> parts;
  size_t begin = 0;
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[at] == separator) {
      parts.push_back(text.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  if (quoted) return absl::InvalidArgumentError(absl::StrCat("a quote of ", text, " is not closed"));
  parts.push_back(text.substr(begin));
  return parts;
}

absl::StatusOr<v1::PositionSelector> ParsePositions(absl::string_view text) {
  v1::PositionSelector out;
  ASSIGN_OR_RETURN(const std::vector<absl::string_view> parts, SplitOutsideQuotes(text, ','));
  for (absl::string_view part : parts) {
    int32_t index = 0;
    uint32_t id = 0;
    absl::string_view rest = part;
    if (absl::ConsumePrefix(&rest, "token:")) {
      ASSIGN_OR_RETURN(*out.add_tokens()->mutable_text(), Unquote(rest));
    } else if (absl::ConsumePrefix(&rest, "role:")) {
      out.add_roles(std::string(rest));
    } else if (absl::ConsumePrefix(&rest, "id:") && absl::SimpleAtoi(rest, &id)) {
      out.add_tokens()->mutable_tokens()->add_ids(id);
    } else if (absl::SimpleAtoi(part, &index)) {
      out.add_indices(index);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "' is not a whole number in range, role:NAME, token:TEXT or id:N"));
    }
  }
  return out;
}

absl::StatusOr<std::pair<std::string, uint32_t>> ParseRole(absl::string_view text) {
  const size_t equals = text.rfind('=');
  uint32_t position = 0;
  if (equals == text.npos || equals == 0 || !absl::SimpleAtoi(text.substr(equals + 1), &position)) {
    return InvalidField("--role", absl::StrCat("'", text, "' is not NAME=POSITION, as in last_member=17"));
  }
  return std::pair(std::string(text.substr(0, equals)), position);
}

}  // namespace circuitd::client
