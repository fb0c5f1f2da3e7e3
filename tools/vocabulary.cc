#include "tools/vocabulary.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/tokenizer_byte_alphabet.h"
#include "tools/files.h"

namespace circuitd {
namespace {

using Symbols = std::vector<std::string>;
using SymbolPair = std::pair<std::string, std::string>;

std::string SpellByte(int byte) { return SpellBytes(std::string(1, static_cast<char>(byte))); }

// The 256 bytes' spellings in the order of GPT-2's own ids: those that are printable as they are come first.
Symbols ByteSymbols() {
  Symbols verbatim, others;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    (printable ? verbatim : others).push_back(SpellByte(byte));
  }
  verbatim.insert(verbatim.end(), others.begin(), others.end());
  return verbatim;
}

// The kind of run that a character belongs to; spaces start one of their own.
int CharacterClass(char c) { return absl::ascii_isalpha(c) ? 0 : absl::ascii_isdigit(c) ? 1 : 2; }

void Merge(const SymbolPair& pair, Symbols& symbols) {
  Symbols merged;
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (i + 1 < symbols.size() && symbols[i] == pair.first && symbols[i + 1] == pair.second) {
      merged.push_back(pair.first + pair.second);
      ++i;
    } else {
      merged.push_back(symbols[i]);
    }
  }
  symbols = std::move(merged);
}

}  // namespace

void CountPieces(absl::string_view text, PieceCounts& counts) {
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = begin;
    if (text[end] == ' ' && end + 1 < text.size()) ++end;
    const int kind = CharacterClass(text[end]);
    do {
      ++end;
    } while (end < text.size() && text[end] != ' ' && CharacterClass(text[end]) == kind);
    ++counts[std::string(text.substr(begin, end - begin))];
    begin = end;
  }
}

Vocabulary MakeVocabulary(const PieceCounts& pieces) {
  Vocabulary result;
  result.tokens = ByteSymbols();
  std::set<std::string> known(result.tokens.begin(), result.tokens.end());

  std::vector<std::pair<Symbols, int64_t>> words;
  for (const auto& [piece, count] : pieces) {
    Symbols symbols;
    for (const unsigned char byte : piece) symbols.push_back(SpellByte(byte));
    words.emplace_back(std::move(symbols), count);
  }
  while (true) {
    std::map<SymbolPair, int64_t> pairs;
    for (const auto& [symbols, count] : words) {
      for (size_t i = 0; i + 1 < symbols.size(); ++i) pairs[{symbols[i], symbols[i + 1]}] += count;
    }
    if (pairs.empty()) break;
    auto best = pairs.begin();
    for (auto it = pairs.begin(); it != pairs.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    const SymbolPair pair = best->first;
    for (auto& [symbols, count] : words) Merge(pair, symbols);
    result.merges.push_back(pair);
    // Two merges may spell the same token ("a" "bc", "ab" "c").
    if (known.insert(pair.first + pair.second).second) result.tokens.push_back(pair.first + pair.second);
  }
  result.tokens.push_back("<|endoftext|>");
  return result;
}

absl::Status WriteVocabulary(const Vocabulary& vocabulary, const std::string& folder) {
  nlohmann::ordered_json vocab;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) vocab[vocabulary.tokens[id]] = id;
  RETURN_IF_ERROR(WriteFile(absl::StrCat(folder, "/vocab.json"), vocab.dump(0) + "\n"));
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : vocabulary.merges) absl::StrAppend(&merges, left, " ", right, "\n");
  return WriteFile(absl::StrCat(folder, "/merges.txt"), merges);
}

}  // namespace circuitd
