// The lines of uploaded prompt files, parsed but not tokenized.
#include "server/tasks/prompt_lines.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "server/model/quote.h"
#include "server/model/strict_json.h"
#include "server/tasks/prompt_roles.h"

namespace circuitd {
namespace {

using nlohmann::json;

absl::Status Error(absl::string_view key, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("\"", key, "\"", what));
}

absl::StatusOr<json> ParseObject(const NumberedLine& line) {
  if (line.text.size() > kMaxLineBytes) {
    return AtLine(
        line, absl::InvalidArgumentError(absl::StrCat(line.text.size(), " bytes, a line has at most ", kMaxLineBytes)));
  }
  if (const auto invalid = FirstInvalidUtf8(line.text)) {
    return AtLine(line, absl::InvalidArgumentError(absl::StrCat("byte ", *invalid, " is not UTF-8")));
  }
  auto object = ParseStrictJson(line.text, absl::StrCat("line ", line.number));
  if (!object.ok()) return absl::InvalidArgumentError(object.status().message());
  if (!object->is_object()) {
    return AtLine(line, absl::InvalidArgumentError(absl::StrCat(object->type_name(), ", must be an object")));
  }
  return object;
}

absl::StatusOr<const json*> Member(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return Error(key, " is missing");
  return &*found;
}

// Nullopt for what is no whole number. One over 2^63 is too large for an id or a position, as is 2^63 - 1.
std::optional<int64_t> WholeNumber(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return INT64_MAX;
  return value.get<int64_t>();
}

// A string, or an array of token ids.
absl::StatusOr<PromptInput> Prompt(const json& object, const char* key) {
  ASSIGN_OR_RETURN(const json* member, Member(object, key));
  const json& value = *member;
  if (value.is_string() && value != "") return value.get<std::string>();
  if (!value.is_array() || value.empty()) {
    return Error(key, absl::StrCat(": ", ShowJson(value), ", must be text or an array of token ids, not empty"));
  }
  if (value.size() > kMaxPromptIds) {
    return Error(key, absl::StrCat(": ", value.size(), " token ids, a prompt has at most ", kMaxPromptIds));
  }
  std::vector<int64_t> ids;
  for (const json& item : value) {
    const auto id = WholeNumber(item);
    if (!id) return Error(key, absl::StrCat("[", ids.size(), "]: ", ShowJson(item), ", must be a token id"));
    ids.push_back(*id);
  }
  return ids;
}

absl::StatusOr<AnswerInput> Answer(const json& value, const char* key, absl::string_view place) {
  if (const auto id = WholeNumber(value)) return *id;
  if (value.is_string() && value != "") return value.get<std::string>();
  return Error(key, absl::StrCat(place, ": ", ShowJson(value), ", must be a token id or text that is not empty"));
}

// A string, a token id, or an array of either.
absl::StatusOr<std::vector<AnswerInput>> Answers(const json& object, const char* key) {
  ASSIGN_OR_RETURN(const json* member, Member(object, key));
  std::vector<AnswerInput> answers;
  if (!member->is_array()) {
    ASSIGN_OR_RETURN(AnswerInput answer, Answer(*member, key, ""));
    answers.push_back(std::move(answer));
    return answers;
  }
  if (member->empty()) return Error(key, ": no answer");
  if (member->size() > kMaxAnswers) {
    return Error(key, absl::StrCat(": ", member->size(), " answers, at most ", kMaxAnswers, " are allowed"));
  }
  for (const json& item : *member) {
    ASSIGN_OR_RETURN(AnswerInput answer, Answer(item, key, absl::StrCat("[", answers.size(), "]")));
    answers.push_back(std::move(answer));
  }
  return answers;
}

absl::StatusOr<std::string> Text(const json& object, const char* key) {
  ASSIGN_OR_RETURN(const json* member, Member(object, key));
  const json& value = *member;
  if (!value.is_string() || value == "") {
    return Error(key, absl::StrCat(": ", ShowJson(value), ", must be text that is not empty"));
  }
  return value.get<std::string>();
}

// An object of positions; none if it is missing.
absl::StatusOr<PromptRoles> Roles(const json& object) {
  constexpr char kKey[] = "roles";
  PromptRoles roles;
  const auto found = object.find(kKey);
  if (found == object.end()) return roles;
  if (!found->is_object()) return Error(kKey, absl::StrCat(": ", ShowJson(*found), ", must be an object of positions"));
  const auto checked = [&](const absl::Status& status) {
    return status.ok() ? status : Error(kKey, absl::StrCat(": ", status.message()));
  };
  RETURN_IF_ERROR(checked(CheckRoleCount(found->size())));
  for (const auto& [name, value] : found->items()) {
    RETURN_IF_ERROR(checked(CheckRoleName(name)));
    // No line has more tokens than bytes.
    const auto position = WholeNumber(value);
    if (!position || *position < 0 || *position >= static_cast<int64_t>(kMaxLineBytes)) {
      return Error(kKey, absl::StrCat("[", QuoteName(name), "]: ", ShowJson(value), ", must be a position, 0-",
                                      kMaxLineBytes - 1));
    }
    roles[name] = static_cast<int>(*position);
  }
  return roles;
}

absl::StatusOr<PairLine> PairOf(const json& object) {
  PairLine pair;
  ASSIGN_OR_RETURN(pair.clean, Prompt(object, "clean"));
  ASSIGN_OR_RETURN(pair.corrupted, Prompt(object, "corrupted"));
  ASSIGN_OR_RETURN(pair.correct, Answers(object, "correct"));
  ASSIGN_OR_RETURN(pair.incorrect, Answers(object, "incorrect"));
  ASSIGN_OR_RETURN(pair.roles, Roles(object));
  return pair;
}

absl::StatusOr<PublishedLine> PublishedOf(const json& object) {
  PublishedLine line;
  ASSIGN_OR_RETURN(line.text, Text(object, "text"));
  ASSIGN_OR_RETURN(line.correct, Text(object, "corr"));
  ASSIGN_OR_RETURN(line.incorrect, Text(object, "incorr"));
  return line;
}

}  // namespace

absl::Status AtLine(const NumberedLine& line, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("line ", line.number, ": ", status.message()));
}

std::optional<NumberedLine> LineReader::Next() {
  while (!rest_.empty()) {
    const size_t end = rest_.find('\n');
    const absl::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end == absl::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    if (!absl::StripAsciiWhitespace(text).empty()) return NumberedLine{number_, text};
  }
  return std::nullopt;
}

size_t CountLines(absl::string_view jsonl) {
  size_t count = 0;
  for (LineReader lines(jsonl); lines.Next();) ++count;
  return count;
}

absl::StatusOr<PairLine> ParsePairLine(const NumberedLine& line) {
  ASSIGN_OR_RETURN(const json object, ParseObject(line));
  auto pair = PairOf(object);
  if (!pair.ok()) return AtLine(line, pair.status());
  return pair;
}

absl::StatusOr<PublishedLine> ParsePublishedLine(const NumberedLine& line) {
  ASSIGN_OR_RETURN(const json object, ParseObject(line));
  auto published = PublishedOf(object);
  if (!published.ok()) return AtLine(line, published.status());
  return published;
}

}  // namespace circuitd
