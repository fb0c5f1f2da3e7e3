// Tokenizers in Hugging Face's tokenizer.json.
#include "server/model/tokenizer_json.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/strict_json.h"
#include "server/model/tokenizer_files.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr char kFile[] = "tokenizer.json";

// A value in a message: {"type":"NFC"} says more than that it is an object.
std::string Shown(const json& value) {
  return value.is_object() || value.is_array() ? QuoteName(value.dump()) : ShowJson(value);
}

absl::Status Unsupported(absl::string_view key, const json& value, absl::string_view must) {
  return TokenizerFileError(kFile, absl::StrCat(key, ": ", Shown(value), " is not supported, must be ", must));
}

// Null if there is no such key, or `object` is none.
const json& Member(const json& object, const char* key) {
  static const json& null = *new json();
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

absl::Status CheckKeys(const json& object, absl::string_view where, const std::vector<std::string>& known) {
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return TokenizerFileError(kFile, absl::StrCat(where, "key ", QuoteName(item.key()), " is not supported"));
    }
  }
  return absl::OkStatus();
}

bool IsByteLevel(const json& stage) { return stage.is_object() && Member(stage, "type") == "ByteLevel"; }

// ByteLevel as a post-processor changes offsets only, and a template of nothing but the text, which transformers writes
// since version 5, changes nothing.
bool AddsNoTokens(const json& post_processor) {
  if (post_processor.is_null() || IsByteLevel(post_processor)) return true;
  if (Member(post_processor, "type") != "TemplateProcessing") return false;
  const json& single = Member(post_processor, "single");
  return single.is_array() && single.size() == 1 && Member(Member(single[0], "Sequence"), "id") == "A";
}

absl::Status CheckStages(const json& root) {
  if (const json& normalizer = Member(root, "normalizer"); !normalizer.is_null()) {
    return Unsupported("normalizer", normalizer, "null");
  }
  const json& pre_tokenizer = Member(root, "pre_tokenizer");
  if (!IsByteLevel(pre_tokenizer)) return Unsupported("pre_tokenizer", pre_tokenizer, "of type ByteLevel");
  RETURN_IF_ERROR(
      CheckKeys(pre_tokenizer, "pre_tokenizer: ", {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  if (const json& prefix = Member(pre_tokenizer, "add_prefix_space"); prefix != false) {
    return Unsupported("pre_tokenizer.add_prefix_space", prefix, "false");
  }
  if (const json& regex = Member(pre_tokenizer, "use_regex"); !regex.is_null() && regex != true) {
    return Unsupported("pre_tokenizer.use_regex", regex, "true");
  }
  if (const json& post = Member(root, "post_processor"); !AddsNoTokens(post)) {
    return Unsupported("post_processor", post, "one that adds no tokens");
  }
  return absl::OkStatus();
}

absl::Status CheckModelSettings(const json& model) {
  // Files of the first versions have no type.
  if (const json& type = Member(model, "type"); !type.is_null() && type != "BPE") {
    return Unsupported("model.type", type, "BPE");
  }
  RETURN_IF_ERROR(CheckKeys(model, "model: ",
                            {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                             "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}));
  for (const char* key : {"dropout", "unk_token"}) {
    if (const json& value = Member(model, key); !value.is_null()) {
      return Unsupported(absl::StrCat("model.", key), value, "null");
    }
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const json& value = Member(model, key); !value.is_null() && value != "") {
      return Unsupported(absl::StrCat("model.", key), value, "empty");
    }
  }
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    if (const json& value = Member(model, key); !value.is_null() && value != false) {
      return Unsupported(absl::StrCat("model.", key), value, "false");
    }
  }
  return absl::OkStatus();
}

// {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}
absl::Status AddAddedToken(const std::string& where, const json& entry, BpeVocabularyBuilder& builder) {
  const json& content = Member(entry, "content");
  const json& id = Member(entry, "id");
  if (!content.is_string() || !id.is_number_integer() || id < 0 || id > kMaxTokenId) {
    return TokenizerFileError(
        kFile, absl::StrCat(where, ": ", Shown(entry), " has no string \"content\" and \"id\" of 0-", kMaxTokenId));
  }
  for (const char* key : {"single_word", "lstrip", "rstrip"}) {
    if (const json& value = Member(entry, key); !value.is_null() && value != false) {
      return Unsupported(absl::StrCat(where, ".", key), value, "false");
    }
  }
  const json& normalized = Member(entry, "normalized");
  if (!normalized.is_null() && !normalized.is_boolean()) {
    return Unsupported(absl::StrCat(where, ".normalized"), normalized, "true or false");
  }
  const absl::Status added = builder.AddAddedToken(
      {.content = content.get<std::string>(), .normalized = normalized == true}, id.get<int64_t>());
  return added.ok() ? added : TokenizerFileError(kFile, absl::StrCat(where, ": ", added.message()));
}

// "a b" or ["a", "b"].
absl::Status AddMerge(const std::string& where, const json& entry, BpeVocabularyBuilder& builder) {
  std::string left, right;
  if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
    left = entry[0].get<std::string>();
    right = entry[1].get<std::string>();
  } else if (entry.is_string()) {
    const auto& pair = entry.get_ref<const std::string&>();
    if (std::count(pair.begin(), pair.end(), ' ') != 1) {
      return TokenizerFileError(kFile,
                                absl::StrCat(where, ": ", QuoteName(pair), " is not two tokens with a space between"));
    }
    left = pair.substr(0, pair.find(' '));
    right = pair.substr(pair.find(' ') + 1);
  } else {
    return TokenizerFileError(kFile, absl::StrCat(where, ": ", Shown(entry), " is no pair of tokens"));
  }
  const absl::Status added = builder.AddMerge(left, right);
  return added.ok() ? added : TokenizerFileError(kFile, absl::StrCat(where, ": ", added.message()));
}

}  // namespace

absl::StatusOr<BpeVocabulary> ParseTokenizerJson(absl::string_view text) {
  ASSIGN_OR_RETURN(const json root, ParseTokenizerObject(kFile, text));
  RETURN_IF_ERROR(CheckKeys(root, "",
                            {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                             "post_processor", "decoder", "model"}));
  RETURN_IF_ERROR(CheckStages(root));
  const json& model = Member(root, "model");
  if (!model.is_object()) return Unsupported("model", model, "an object");
  RETURN_IF_ERROR(CheckModelSettings(model));
  const json& vocab = Member(model, "vocab");
  const json& merges = Member(model, "merges");
  const json& added_tokens = Member(root, "added_tokens");
  if (!vocab.is_object()) return Unsupported("model.vocab", vocab, "an object");
  if (!merges.is_array()) return Unsupported("model.merges", merges, "an array");
  if (!added_tokens.is_null() && !added_tokens.is_array()) return Unsupported("added_tokens", added_tokens, "an array");

  BpeVocabularyBuilder builder;
  for (size_t i = 0; i < added_tokens.size(); ++i) {
    RETURN_IF_ERROR(AddAddedToken(absl::StrCat("added_tokens[", i, "]"), added_tokens[i], builder));
  }
  RETURN_IF_ERROR(AddVocabulary(kFile, "model.vocab: ", vocab, builder));
  for (size_t i = 0; i < merges.size(); ++i) {
    RETURN_IF_ERROR(AddMerge(absl::StrCat("model.merges[", i, "]"), merges[i], builder));
  }
  auto vocabulary = builder.Build();
  if (!vocabulary.ok()) return TokenizerFileError(kFile, absl::StrCat("model.vocab: ", vocabulary.status().message()));
  return vocabulary;
}

absl::Status CheckTokenizerConfig(absl::string_view text) {
  constexpr char kConfigFile[] = "tokenizer_config.json";
  ASSIGN_OR_RETURN(const json config, ParseTokenizerObject(kConfigFile, text));
  for (const char* key : {"add_prefix_space", "add_bos_token", "add_eos_token"}) {
    if (const json& value = Member(config, key); !value.is_null() && value != false) {
      return TokenizerFileError(kConfigFile, absl::StrCat(key, ": ", Shown(value), " is not supported, must be false"));
    }
  }
  return absl::OkStatus();
}

}  // namespace circuitd
