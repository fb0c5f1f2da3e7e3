#include "server/service/pages.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace circuitd {
namespace {
constexpr uint32_t kDefaultPageSize = 100;
constexpr uint32_t kMaxPageSize = 1000;
}  // namespace

absl::StatusOr<PageRequest> ParsePage(absl::string_view list, uint32_t page_size, absl::string_view page_token) {
  PageRequest page;
  page.size = page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
  if (page_token.empty()) return page;
  std::string token;
  absl::string_view rest;
  if (!absl::WebSafeBase64Unescape(page_token, &token) ||
      !absl::ConsumePrefix(&(rest = token), absl::StrCat(list, "\n"))) {
    return InvalidField("page_token", absl::StrCat("is no next_page_token of this list of ", list));
  }
  page.first = false;
  page.after = std::string(rest);
  return page;
}

std::string MakePageToken(absl::string_view list, absl::string_view last_key) {
  return absl::WebSafeBase64Escape(absl::StrCat(list, "\n", last_key));
}

}  // namespace circuitd
