// Whether a text is well-formed XML, as far as pictures need it.
#pragma once

#include <regex>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace circuitd::client {

// What is wrong; empty if nothing is. Knows elements, attributes in double quotes, text, and the five entities;
// comments, declarations and CDATA are wrong.
inline std::string XmlComplaint(const std::string& xml) {
  if (FirstInvalidUtf8(xml)) return "not UTF-8";
  for (unsigned char c : xml) {
    if (c < 0x20 && c != '\n' && c != '\t') return "a control character";
  }
  static const auto& kEntity = *new std::regex("^&(amp|lt|gt|quot|#39);");
  static const auto& kTag = *new std::regex("^<(/?)([a-zA-Z]+)((?: [a-zA-Z][a-zA-Z0-9:-]*=\"[^\"<>]*\")*)(/?)>");
  std::vector<std::string> open;
  for (size_t at = 0; at < xml.size();) {
    const std::string head = xml.substr(at, 4096);
    std::smatch match;
    if (xml[at] == '&') {
      if (!std::regex_search(head, match, kEntity)) return "a bare & at " + head.substr(0, 40);
      at += static_cast<size_t>(match.length());
    } else if (xml[at] == '<') {
      if (!std::regex_search(head, match, kTag)) return "not a tag: " + head.substr(0, 80);
      at += static_cast<size_t>(match.length());
      if (match[1].length() > 0) {
        if (open.empty() || open.back() != match[2]) return "</" + match[2].str() + "> without its beginning";
        open.pop_back();
      } else if (match[4].length() == 0) {
        open.push_back(match[2]);
      }
    } else if (xml[at] == '>') {
      return "a bare >";
    } else {
      if (open.empty() && xml[at] != '\n') return "text outside of the root element";
      ++at;
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> has no end";
}

}  // namespace circuitd::client
