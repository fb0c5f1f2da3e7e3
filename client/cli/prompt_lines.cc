#include "client/cli/prompt_lines.h"

#include <map>

#include "base/escape_text.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

using Json = nlohmann::ordered_json;
using Tokens = google::protobuf::RepeatedPtrField<v1::Token>;

Json Ids(const Tokens& tokens) {
  Json ids = Json::array();
  for (const v1::Token& token : tokens) ids.push_back(token.id());
  return ids;
}

std::string Joined(const Tokens& tokens) {
  std::string bytes;
  for (const v1::Token& token : tokens) bytes += token.text();
  return EscapeText(bytes);
}

Json Each(const Tokens& tokens) {
  Json texts = Json::array();
  for (const v1::Token& token : tokens) texts.push_back(EscapeText(token.text()));
  return texts;
}

}  // namespace

std::string PromptLine(const v1::PromptPair& pair, bool with_probabilities) {
  Json line;
  line["clean"] = Ids(pair.clean());
  line["corrupted"] = Ids(pair.corrupted());
  line["correct"] = Ids(pair.correct());
  line["incorrect"] = Ids(pair.incorrect());
  // Sorted, so that the same prompts are the same bytes.
  line["roles"] = std::map<std::string, uint32_t>(pair.roles().begin(), pair.roles().end());
  if (with_probabilities) {
    line["correct_probability"] = pair.correct_probability();
    line["incorrect_probability"] = pair.incorrect_probability();
  }
  line["text"] = {{"clean", Joined(pair.clean())},
                  {"corrupted", Joined(pair.corrupted())},
                  {"correct", Each(pair.correct())},
                  {"incorrect", Each(pair.incorrect())}};
  return line.dump(-1, ' ', /*ensure_ascii=*/true) + "\n";
}

}  // namespace circuitd::client
