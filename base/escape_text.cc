#include "base/escape_text.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace circuitd {
namespace {

// Of one well-formed sequence.
uint32_t Decode(absl::string_view sequence) {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]);
  uint32_t code = static_cast<unsigned char>(sequence[0]) & (0x7f >> sequence.size());
  for (char c : sequence.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return code;
}

bool IsHidden(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
         (code >= 0xe0000 && code <= 0xe007f) || (code & 0xfffe) == 0xfffe;
}

// Letters that are written from left to right, one column each, in every terminal: Latin, Greek and Cyrillic ones, and
// punctuation. What combines, is wide, or is written the other way is not among them.
bool IsOneColumn(uint32_t code) {
  return code < 0x300 || (code >= 0x370 && code < 0x483) || (code >= 0x48a && code < 0x530) ||
         (code >= 0x1e00 && code < 0x2000) || (code >= 0x2010 && code < 0x2028) || (code >= 0x2030 && code < 0x205f) ||
         (code >= 0x20a0 && code < 0x20c0);
}

void AppendEscape(uint32_t code, std::string& out) {
  if (code == '\n') {
    out += "\\n";
  } else if (code == '\t') {
    out += "\\t";
  } else if (code == '\r') {
    out += "\\r";
  } else if (code < 0x80) {
    absl::StrAppendFormat(&out, "\\x%02x", code);
  } else {
    absl::StrAppendFormat(&out, "\\u%04x", code);
  }
}

std::string Escape(absl::string_view bytes, absl::string_view also) {
  std::string out;
  while (!bytes.empty()) {
    const size_t valid = FirstInvalidUtf8(bytes).value_or(bytes.size());
    for (size_t at = 0; at < valid;) {
      const absl::string_view sequence = bytes.substr(at, Utf8SequenceLength(bytes[at]));
      const uint32_t code = Decode(sequence);
      if (IsHidden(code)) {
        AppendEscape(code, out);
      } else {
        absl::StrAppend(&out, code < 0x80 && also.find(static_cast<char>(code)) != also.npos ? "\\" : "", sequence);
      }
      at += sequence.size();
    }
    bytes.remove_prefix(valid);
    if (!bytes.empty()) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(bytes.front()));
      bytes.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string EscapeText(absl::string_view bytes) { return Escape(bytes, ""); }

std::string QuoteToken(absl::string_view bytes) { return absl::StrCat("\"", Escape(bytes, "\"\\"), "\""); }

std::string NarrowText(absl::string_view bytes) {
  std::string out;
  const std::string escaped = EscapeText(bytes);
  for (size_t at = 0; at < escaped.size();) {
    const absl::string_view sequence = absl::string_view(escaped).substr(at, Utf8SequenceLength(escaped[at]));
    const uint32_t code = Decode(sequence);
    if (IsOneColumn(code)) {
      absl::StrAppend(&out, sequence);
    } else {
      AppendEscape(code, out);
    }
    at += sequence.size();
  }
  return out;
}

}  // namespace circuitd
