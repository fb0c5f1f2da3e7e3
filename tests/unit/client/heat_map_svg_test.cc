#include "client/cli/heat_map_svg.h"

#include <limits>
#include <regex>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/xml_check.h"

namespace circuitd::client {
namespace {

using testing::HasSubstr;
using testing::Not;

HeatMap Map(std::vector<std::string> rows, std::vector<std::string> columns) {
  HeatMap map;
  map.title = "pattern";
  map.rows = std::move(rows);
  map.columns = std::move(columns);
  map.values.assign(map.rows.size() * map.columns.size(), 0.5);
  map.scale = ColourScale::kSequential;
  return map;
}

TEST(HeatMapSvgTest, IsWellFormed) {
  HeatMap map = Map({"0", "1"}, {"0 \" in\"", "1 \" a\""});
  map.values[0] = std::numeric_limits<double>::quiet_NaN();
  map.outlined = {{1, 0}, {7, 7}};
  map.outline_caption = "end:last_member";
  const auto svg = HeatMapSvg({map, Map({"a"}, {"b"})});
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_EQ(XmlComplaint(*svg), "");
  EXPECT_THAT(*svg, HasSubstr("url(#missing)"));
  EXPECT_THAT(*svg, HasSubstr("stroke=\"#111111\""));
  EXPECT_THAT(*svg, HasSubstr("end:last_member"));
}

TEST(HeatMapSvgTest, ShowsHostileLabelsAsText) {
  const std::vector<std::string> labels = {"</text><script>alert(1)</script>",
                                           "\" onload=\"x",
                                           "' & &lt;",
                                           "\u202eevil",
                                           "\x1b\x01\xff",
                                           "]]><!--",
                                           std::string("\0x", 2),
                                           "\ufffe\uffff"};
  HeatMap map = Map(labels, labels);
  map.title = labels[0];
  map.row_axis = labels[1];
  map.outlined = {{0, 0}};
  map.outline_caption = labels[2];
  const auto svg = HeatMapSvg({map});
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_EQ(XmlComplaint(*svg), "");
  EXPECT_THAT(*svg, Not(HasSubstr("<script")));
  EXPECT_THAT(*svg, Not(HasSubstr("\u202e")));
  EXPECT_THAT(*svg, HasSubstr("&lt;/text&gt;&lt;script&gt;"));
  EXPECT_THAT(*svg, HasSubstr("\\u202eevil"));
  EXPECT_THAT(*svg, HasSubstr("\\x1b\\x01\\xff"));
  EXPECT_THAT(*svg, HasSubstr("&quot; onload=&quot;x"));
}

TEST(HeatMapSvgTest, TurnsLabelsThatAreWiderThanTheirCells) {
  EXPECT_THAT(HeatMapSvg({Map({"0"}, {"0", "1"})}).value(), Not(HasSubstr("rotate(-90 9")));
  const std::string svg = HeatMapSvg({Map({"0"}, {"0 \" something\"", "1"})}).value();
  EXPECT_TRUE(std::regex_search(svg, std::regex("transform=\"rotate\\(-90 [0-9]+ [0-9]+\\)\" class=\"label\"")));
}

TEST(HeatMapSvgTest, CutsLongLabels) {
  const std::string svg = HeatMapSvg({Map({std::string(10'000, 'x')}, {"0"})}).value();
  EXPECT_THAT(svg, HasSubstr(std::string(31, 'x') + "~<"));
}

TEST(HeatMapSvgTest, WritesWordsInPlaceOfNumbers) {
  HeatMap map = Map({"0"}, {"0", "1"});
  map.words = {"\" in\"", "<b>"};
  const std::string svg = HeatMapSvg({map}).value();
  EXPECT_EQ(XmlComplaint(svg), "");
  EXPECT_THAT(svg, HasSubstr(">&quot; in&quot;</text>"));
  EXPECT_THAT(svg, HasSubstr(">&lt;b&gt;</text>"));
}

TEST(HeatMapSvgTest, RefusesWhatNoBrowserDraws) {
  HeatMap map = Map(std::vector<std::string>(1024, "r"), std::vector<std::string>(1024, "c"));
  EXPECT_EQ(HeatMapSvg({map}).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace circuitd::client
