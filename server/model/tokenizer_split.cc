// GPT-2's pre-tokenization: the regular expression that cuts a text into the words that BPE works on.
#include "server/model/tokenizer_split.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

// The pattern of GPT-2's published encoder. \s is spelt as the Unicode property White_Space: PCRE2's own \s also takes
// U+180E, which the reference implementations don't.
constexpr char kPattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+)"
                            R"(|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+)";

std::string ErrorText(int code) {
  PCRE2_UCHAR text[128];
  if (pcre2_get_error_message(code, text, sizeof text) < 0) return absl::StrCat("error ", code);
  return reinterpret_cast<const char*>(text);
}

absl::Status StatusOfMatchError(int code) {
  const std::string message = absl::StrCat("pre-tokenization: PCRE2: ", ErrorText(code));
  switch (code) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
    case PCRE2_ERROR_NOMEMORY:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct PreTokenizer::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

PreTokenizer::PreTokenizer(std::unique_ptr<Code> code) : code_(std::move(code)) {}
PreTokenizer::~PreTokenizer() = default;

absl::StatusOr<std::unique_ptr<PreTokenizer>> PreTokenizer::Create() {
  int error = 0;
  PCRE2_SIZE error_offset = 0;
  auto code = std::make_unique<Code>();
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(kPattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                             &error, &error_offset, nullptr);
  if (code->code == nullptr) {
    return absl::InternalError(
        absl::StrCat("pre-tokenization: PCRE2 rejects the pattern at ", error_offset, ": ", ErrorText(error)));
  }
  // Where PCRE2 has no just-in-time compiler, pcre2_match interprets the pattern: slower, the same matches.
  if (const int jit = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE); jit == PCRE2_ERROR_NOMEMORY) {
    return absl::ResourceExhaustedError(absl::StrCat("pre-tokenization: PCRE2: ", ErrorText(jit)));
  }
  return std::unique_ptr<PreTokenizer>(new PreTokenizer(std::move(code)));
}

absl::Status PreTokenizer::Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> word) const {
  const std::unique_ptr<pcre2_match_data, MatchDataDeleter> match(pcre2_match_data_create(1, nullptr));
  if (match == nullptr) return absl::ResourceExhaustedError("pre-tokenization: out of memory");
  size_t at = 0;
  while (at < text.size()) {
    // Checking the whole text's UTF-8 again for every word would be quadratic.
    const int matched = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                    PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (matched < 0) return StatusOfMatchError(matched);
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
    // Every character belongs to one of the alternatives, so words are adjacent and not empty.
    if (range[0] != at || range[1] <= at) {
      return absl::InternalError(absl::StrCat("pre-tokenization: no word at byte ", at));
    }
    word(text.substr(at, range[1] - at));
    at = range[1];
  }
  return absl::OkStatus();
}

}  // namespace circuitd
