// Whether a text is XML.
#pragma once

#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace circuitd {

// Every tag is closed in order, and no bare '<' or '&' is left in texts and attributes.
inline testing::AssertionResult IsWellFormedXml(const std::string& xml) {
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([A-Za-z][\w]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(/?)>)");
  size_t end = 0;
  for (std::sregex_iterator match(xml.begin(), xml.end(), tag), last; match != last; ++match) {
    const std::string between = xml.substr(end, match->position() - end);
    if (between.find_first_of("<>") != std::string::npos) return testing::AssertionFailure() << between;
    end = match->position() + match->length();
    if ((*match)[4].length()) continue;
    if (!(*match)[1].length()) {
      open.push_back((*match)[2]);
    } else if (open.empty() || open.back() != (*match)[2]) {
      return testing::AssertionFailure() << "unexpected " << match->str();
    } else {
      open.pop_back();
    }
  }
  if (std::regex_search(xml, std::regex("&(?!(amp|lt|gt|quot|#39);)"))) return testing::AssertionFailure() << "bare &";
  if (xml.find_first_not_of("\n", end) != std::string::npos) return testing::AssertionFailure() << xml.substr(end);
  return open.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << open.back() << " is open";
}

inline size_t CountMatches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator());
}

}  // namespace circuitd
