#include "server/report/report_heads_data.h"

#include <cmath>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

std::string PatternText(const std::vector<float>& pattern) {
  std::string bytes;
  bytes.reserve(pattern.size());
  for (const float value : pattern) {
    const float part = value > 0 ? std::fmin(value, 1.f) : 0;
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(std::lround(part * 255))));
  }
  return absl::Base64Escape(bytes);
}

ReportJson TextsJson(const std::vector<std::string>& texts) {
  ReportJson list = ReportJson::array();
  for (const std::string& text : texts) list.push_back(ReportText(text));
  return list;
}

ReportJson HeadJson(const HeadDetail& head) {
  ReportJson writes = ReportJson::array();
  for (const HeadDetail::Writes& written : head.writes) {
    writes.push_back(ReportJson::array({written.position, TextsJson(written.tokens)}));
  }
  return {{"pattern", PatternText(head.pattern)}, {"writes", std::move(writes)}};
}

}  // namespace

ReportJson HeadsData(const std::vector<HeadDetails>& sets, const ModelConfig& config) {
  ReportJson list = ReportJson::array();
  for (const HeadDetails& set : sets) {
    ReportJson heads = ReportJson::object();
    for (const HeadDetail& head : set.heads) {
      heads[absl::StrCat(ReportNode(config, Node::Head(head.layer, head.head)))] = HeadJson(head);
    }
    list.push_back({{"label", ReportText(set.label)},
                    {"prompt_count", set.prompt_count},
                    {"positions_per_cell", set.positions_per_cell},
                    {"tokens", TextsJson(set.tokens)},
                    {"heads", std::move(heads)}});
  }
  return list;
}

}  // namespace circuitd
