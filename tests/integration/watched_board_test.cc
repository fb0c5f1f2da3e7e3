// Decisions of a watched job as a board on a terminal.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/server_process.h"
#include "tests/integration/terminal_screen.h"

namespace circuitd {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class WatchedBoardTest : public SharedServerTest, public testing::WithParamInterface<unsigned short> {
 protected:
  // The screens that there were whenever a picture began, and the last one.
  static std::vector<std::vector<std::string>> ScreensOf(const std::string& output, size_t columns) {
    TerminalScreen screen(columns);
    std::vector<std::vector<std::string>> screens;
    // A line ends with "\r\n"; alone, "\r" begins a picture.
    for (size_t begin = 0; begin < output.size();) {
      size_t end = output.find('\r', begin + 1);
      while (end != output.npos && end + 1 < output.size() && output[end + 1] == '\n') end = output.find('\r', end + 1);
      screen.Write(output.substr(begin, end == output.npos ? end : end - begin));
      screens.push_back(screen.Rows());
      begin = std::min(end, output.size());
    }
    return screens;
  }

  static std::vector<std::vector<std::string>> ScreensOfJob(const std::vector<std::string>& job) {
    const auto client = server_->StartClient(job, GetParam());
    EXPECT_EQ(client->Wait(), 0) << client->out();
    return ScreensOf(client->out(), GetParam());
  }

  // Rows of the layers from the last one on top.
  static std::vector<std::string> LayersOf(const std::vector<std::string>& screen) {
    std::vector<std::string> layers;
    for (const std::string& row : screen) {
      if (row.size() > 1 && std::isdigit(static_cast<unsigned char>(row[0])) != 0 && row[1] == ' ')
        layers.push_back(row);
    }
    return layers;
  }
};

INSTANTIATE_TEST_SUITE_P(Columns, WatchedBoardTest, testing::Values(80, 200));

TEST_P(WatchedBoardTest, FillsInWhileNodesAreTriedAndStaysAboveTheResult) {
  const auto screens = ScreensOfJob({"prune", "--model", "demo", "--task", "numerals", "--num-samples", "64",
                                     "--one-iter", "--no-cache", "-o", absl::StrCat("nodes-", GetParam())});
  // Undecided below what is decided.
  EXPECT_THAT(screens, Contains(AllOf(Contains(AllOf(StartsWith("3 "), Not(HasSubstr("·")))),
                                      Contains(AllOf(StartsWith("0 "), HasSubstr("·"))), Contains(StartsWith("[")))));
  const std::vector<std::string>& last = screens.back();
  EXPECT_THAT(last, Contains("      0    1    2    3    4    5    6    7   MLP"));
  EXPECT_THAT(LayersOf(last), ElementsAre(StartsWith("3 "), StartsWith("2 "), StartsWith("1 "), StartsWith("0 ")));
  EXPECT_THAT(LayersOf(last), Not(Contains(AnyOf(HasSubstr("·"), HasSubstr(">")))));
  EXPECT_THAT(last, Not(Contains(HasSubstr("ETA"))));
  EXPECT_THAT(last, Contains(StartsWith("· undecided  - left  4.2 stays")));
  const auto row = [&](absl::string_view begin) {
    return std::find_if(last.begin(), last.end(),
                        [&](const std::string& text) { return absl::StartsWith(text, begin); });
  };
  EXPECT_LT(row("· undecided"), row("Circuit: "));
}

TEST_P(WatchedBoardTest, ShowsTheEdgesIntoEachNode) {
  const auto screens = ScreensOfJob({"acdc", "--model", "demo", "--task", "numerals", "--num-samples", "2",
                                     "--threshold", "0.05", "--no-cache", "-o", absl::StrCat("edges-", GetParam())});
  EXPECT_THAT(screens, Contains(AllOf(Contains(AllOf(StartsWith("logits"), HasSubstr("%"))),
                                      Contains(AllOf(StartsWith("     0 "), HasSubstr("·"))))));
  EXPECT_THAT(screens.back(), Contains(AllOf(StartsWith("logits"), HasSubstr("%"))));
  EXPECT_THAT(screens.back(), Not(Contains(AllOf(StartsWith("     0 "), HasSubstr("·")))));
}

TEST_P(WatchedBoardTest, IsDrawnAnewBelowAQuestion) {
  const auto client = server_->StartClient(LongJob(), GetParam());
  ASSERT_TRUE(client->WaitForOutput("%"));
  client->Type("\x03");
  ASSERT_TRUE(client->WaitForOutput("or Enter to keep watching? "));
  client->Type("c\n");
  EXPECT_EQ(client->Wait(), 6);
  const auto screens = ScreensOf(client->out(), GetParam());
  // One board, and the question above it.
  std::vector<std::string> undecided;
  for (const std::string& row : screens.back()) {
    if (absl::StartsWith(row, "· undecided")) undecided.push_back(row);
  }
  EXPECT_THAT(undecided, SizeIs(1));
  EXPECT_THAT(screens.back(), Contains(HasSubstr("goes on: type c to cancel it")));
}

}  // namespace
}  // namespace circuitd
