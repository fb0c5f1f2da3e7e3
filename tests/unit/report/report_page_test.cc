// The page: what it is made of, and that nothing from elsewhere gets out of its place in it.
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/report/reported.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDataStart[] = "<script type=\"application/json\" id=\"report-data\">";

// The text between the first `start` and the next `end`.
std::string Between(const std::string& page, const std::string& start, const std::string& end) {
  const size_t from = page.find(start);
  EXPECT_NE(from, std::string::npos) << start;
  const size_t begin = from + start.size();
  return page.substr(begin, page.find(end, begin) - begin);
}

size_t CountOf(absl::string_view text, absl::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string HashOf(const std::string& text) {
  return absl::StrCat("'sha256-", absl::Base64Escape(absl::HexStringToBytes(Sha256Hex(text))), "'");
}

// Whatever a file can say says this.
ReportContent HostileContent() {
  CircuitDocument document = EdgeDocument();
  document.model_name = document.device = document.created = kHostile;
  document.task_json = nlohmann::json({{"task", kHostile}, {kHostile, kHostile}})
                           .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  document.parameters_json = nlohmann::json({{"method", kHostile}, {"means", kHostile}, {kHostile, kHostile}})
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  ReportContent content = ContentOf(Reported(document));
  content.circuits[0].label = kHostile;
  HeadDetails set;
  set.label = kHostile;
  set.tokens = {kHostile};
  set.heads = {{0, 1, {1}, {{0, {kHostile, "\xff"}}}}};
  content.circuits[0].heads = content.heads = {set};
  LoggedEvaluation evaluation;
  evaluation.model_name = evaluation.metric = evaluation.ablation = kHostile;
  evaluation.config = document.config;
  evaluation.circuits = {{kHostile, 3, 5}};
  evaluation.tasks = {{kHostile, 1, document.task_json}};
  LoggedEvaluation::Cell cell;
  cell.curve = {{0.1, 1, 1, 1}};
  evaluation.cells = {cell};
  content.evaluation = evaluation;
  content.circuits[0].evaluated = 0;
  return content;
}

TEST(ReportPageTest, CarriesItsScriptAndStyleAndAllowsNothingElse) {
  const std::string page = ReportHtml(ContentOf(Reported(NodeDocument())));
  EXPECT_THAT(page, StartsWith("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "));
  const std::string script = Between(page, "</script><script>", "</script>");
  EXPECT_THAT(script, StartsWith("(() => {\n'use strict';\n"));
  const std::string policy = Between(page, "Content-Security-Policy\" content=\"", "\"");
  EXPECT_THAT(policy, HasSubstr("script-src " + HashOf(script) + ";"));
  EXPECT_THAT(policy, HasSubstr("style-src " + HashOf(Between(page, "<style>", "</style>")) + ";"));
  EXPECT_THAT(policy, HasSubstr("base-uri 'none'; form-action 'none'"));
  EXPECT_THAT(page, HasSubstr("<title>Circuit for numerals in tiny</title>"));
}

TEST(ReportPageTest, OfTheSameContentHasTheSameBytes) {
  EXPECT_EQ(ReportHtml(HostileContent()), ReportHtml(HostileContent()));
}

TEST(ReportPageTest, KeepsWhatOthersWroteInItsPlace) {
  const std::string plain = ReportHtml(ContentOf(Reported(NodeDocument())));
  const std::string page = ReportHtml(HostileContent());
  const std::string data = Between(page, kDataStart, "</script>");
  EXPECT_THAT(data, Not(HasSubstr("<")));
  EXPECT_THAT(data, Not(HasSubstr(">")));
  EXPECT_THAT(data, Not(HasSubstr("&")));
  for (const char* hidden : {"\u202e", "\u2028", "\x1b", "\xff"}) EXPECT_THAT(page, Not(HasSubstr(hidden)));
  for (const char* tag : {"<", "</script", "<script", "<!--"})
    EXPECT_EQ(CountOf(page, tag), CountOf(plain, tag)) << tag;
  const nlohmann::json json = nlohmann::json::parse(data);
  EXPECT_THAT(json["circuits"][0]["label"].get<std::string>(), StartsWith("</script><script>alert(1)"));
  EXPECT_THAT(json["circuits"][0]["label"].get<std::string>(), HasSubstr("\\u202e\\u2028\\x1b[31m\\n\\xff"));
}

TEST(ReportPageTest, StaysSmallWhateverTextsThereAre) {
  ReportContent content = HostileContent();
  const size_t usual = ReportHtml(content).size();
  content.circuits[0].label = content.heads[0].label = content.heads[0].tokens[0] =
      content.circuits[0].document.model_name = std::string(10 << 20, '<');
  EXPECT_LT(ReportHtml(content).size(), usual + (1 << 16));
}

TEST(ReportPageTest, OfAnAcdcRunOnGpt2SmallHasLessThanTwoMegabytes) {
  const ModelConfig config = GraphConfig(12, 12);
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  CircuitDocument document = NodeDocument();
  document.config = config;
  document.parameters_json = R"({"method":"acdc","threshold":0.0001,"metric":"kl_div"})";
  document.circuit.edges = RandomEdges(config, 0.05, random);
  document.circuit.nodes = document.circuit.edges->Nodes();
  std::vector<LoggedEdgeDecision> decisions;
  for (const Edge& edge : EdgeSet::All(config).Edges()) {
    const bool removed = !document.circuit.edges->Contains(edge);
    decisions.push_back({edge, uniform(random), uniform(random) * 1e-4, removed, 32'491});
  }
  ASSERT_EQ(decisions.size(), 32'491u);
  ReportedCircuit circuit = Reported(document, std::move(decisions));
  HeadDetails set;
  set.tokens.assign(23, " token");
  for (int layer = 0; layer < 12; ++layer) {
    for (int head = 0; head < 12; ++head) {
      HeadDetail detail{layer, head, std::vector<float>(23 * 24 / 2, 0.3f), {}};
      for (int i = 0; i < 5; ++i) detail.writes.push_back({i, std::vector<std::string>(8, " written")});
      set.heads.push_back(std::move(detail));
    }
  }
  circuit.heads = {std::move(set)};
  const std::string page = ReportHtml(ContentOf(std::move(circuit)));
  EXPECT_LT(page.size(), size_t{2'000'000});
  EXPECT_GT(page.size(), size_t{500'000});
}

}  // namespace
}  // namespace circuitd
