// GPT-2's spelling of arbitrary bytes with printable characters, as vocab.json and merges.txt use it.
#include "server/model/tokenizer_byte_alphabet.h"

#include <array>
#include <cstdint>

namespace circuitd {
namespace {

struct Alphabet {
  std::array<uint16_t, 256> character;  // of a byte
  std::array<int16_t, 512> byte;        // of a character; -1 for those that spell none
};

// Latin-1's printable bytes are themselves; the others are U+0100, U+0101 … in order.
constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet{};
  for (int16_t& byte : alphabet.byte) byte = -1;
  uint16_t next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const uint16_t character = printable ? static_cast<uint16_t>(byte) : next++;
    alphabet.character[byte] = character;
    alphabet.byte[character] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

std::string SpellBytes(absl::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    const uint16_t character = kAlphabet.character[static_cast<uint8_t>(byte)];
    if (character < 0x80) {
      spelling.push_back(static_cast<char>(character));
    } else {
      // All others are below U+0800: two bytes of UTF-8.
      spelling.push_back(static_cast<char>(0xC0 | (character >> 6)));
      spelling.push_back(static_cast<char>(0x80 | (character & 0x3F)));
    }
  }
  return spelling;
}

std::optional<std::string> BytesOfSpelling(absl::string_view spelling) {
  std::string bytes;
  for (size_t i = 0; i < spelling.size(); ++i) {
    unsigned character = static_cast<uint8_t>(spelling[i]);
    if (character >= 0x80) {
      // Only two-byte characters U+0080 to U+01FF can be of the alphabet.
      if (character < 0xC2 || character > 0xC7 || i + 1 == spelling.size()) return std::nullopt;
      const unsigned second = static_cast<uint8_t>(spelling[++i]);
      if ((second & 0xC0) != 0x80) return std::nullopt;
      character = ((character & 0x1F) << 6) | (second & 0x3F);
    }
    if (kAlphabet.byte[character] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte[character]));
  }
  return bytes;
}

}  // namespace circuitd
