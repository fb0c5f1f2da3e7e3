// Pages of lists (AIP-158): opaque tokens that say after which key the next page begins.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

struct PageRequest {
  size_t size = 100;
  bool first = true;
  std::string after;  // the last key of the page before, unless it is the first
};

// `list` is what the token belongs to ("models"). A size over 1000 is 1000. INVALID_ARGUMENT for a token that this list
// did not give out.
absl::StatusOr<PageRequest> ParsePage(absl::string_view list, uint32_t page_size, absl::string_view page_token);

std::string MakePageToken(absl::string_view list, absl::string_view last_key);

// The page of `items`, sorted ascending by key(item), a string; and the next page's token, empty on the last one.
template <typename Item, typename KeyOf>
std::pair<std::vector<Item>, std::string> TakePage(absl::string_view list, std::vector<Item> items,
                                                   const PageRequest& page, KeyOf key) {
  std::pair<std::vector<Item>, std::string> result;
  for (Item& item : items) {
    if (!page.first && !(page.after < key(item))) continue;
    if (result.first.size() == page.size) {
      result.second = MakePageToken(list, key(result.first.back()));
      break;
    }
    result.first.push_back(std::move(item));
  }
  return result;
}

}  // namespace circuitd
