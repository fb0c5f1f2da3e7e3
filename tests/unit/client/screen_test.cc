#include "client/cli/screen.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Event = Screen::Event;

TEST(KeysInTest, LeavesOutWhatIsNoSingleKey) {
  EXPECT_EQ(KeysIn("q"), "q");
  EXPECT_EQ(KeysIn("a\x1b[Aq"), "aq");          // an arrow
  EXPECT_EQ(KeysIn("\x1bOPx\x1b[15~y"), "xy");  // F1, F5
  EXPECT_EQ(KeysIn("\x1b[1;5Cp"), "p");         // Ctrl with an arrow
  EXPECT_EQ(KeysIn("\x1bqp"), "p");             // Alt with a letter
  EXPECT_EQ(KeysIn("\x1b"), "");
  EXPECT_EQ(KeysIn("\x1b["), "");
  EXPECT_EQ(KeysIn("\x1b[12"), "");
  EXPECT_EQ(KeysIn(""), "");
}

// A screen on a pseudo-terminal of 80 x 24.
class ScreenTest : public testing::Test {
 protected:
  void SetUp() override {
    const winsize size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(openpty(&user_, &terminal_, nullptr, nullptr, &size), 0);
    ASSERT_EQ(tcgetattr(terminal_, &original_), 0);
    Open();
  }
  void TearDown() override {
    screen_.reset();
    close(user_);
    close(terminal_);
  }
  void Open() {
    auto screen = Screen::Open(terminal_, terminal_);
    ASSERT_TRUE(screen.ok());
    screen_ = *std::move(screen);
  }

  void Type(absl::string_view text) const {
    ASSERT_EQ(write(user_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What was written since the last time, of which there is something.
  std::string Written() const {
    char buffer[4096];
    const ssize_t count = read(user_, buffer, sizeof(buffer));
    return count > 0 ? std::string(buffer, static_cast<size_t>(count)) : "";
  }
  termios Settings() const {
    termios settings = {};
    EXPECT_EQ(tcgetattr(terminal_, &settings), 0);
    return settings;
  }
  Screen::Input Next() const { return screen_->Wait(absl::Minutes(1)); }

  int user_ = -1, terminal_ = -1;
  termios original_ = {};
  std::unique_ptr<Screen> screen_;
};

TEST_F(ScreenTest, GivesTheTerminalBackAsItWas) {
  EXPECT_THAT(Written(), HasSubstr("\x1b[?1049h\x1b[?25l"));
  EXPECT_EQ(Settings().c_lflag & (ICANON | ECHO), 0u);
  EXPECT_NE(Settings().c_lflag & ISIG, 0u);
  screen_.reset();
  EXPECT_THAT(Written(), EndsWith("\x1b[?25h\x1b[?1049l"));
  EXPECT_EQ(Settings().c_lflag, original_.c_lflag);
  EXPECT_EQ(Settings().c_iflag, original_.c_iflag);
  EXPECT_EQ(Settings().c_cc[VMIN], original_.c_cc[VMIN]);
}

TEST_F(ScreenTest, NeedsATerminalThatIsNotDumb) {
  const char* term = std::getenv("TERM");
  const std::string before = term != nullptr ? term : "";
  ASSERT_EQ(setenv("TERM", "xterm", 1), 0);
  EXPECT_TRUE(CanMoveUp(terminal_));
  const int null = open("/dev/null", O_RDWR);
  EXPECT_FALSE(CanMoveUp(null));
  close(null);
  ASSERT_EQ(setenv("TERM", "dumb", 1), 0);
  EXPECT_FALSE(CanMoveUp(terminal_));
  ASSERT_EQ(term != nullptr ? setenv("TERM", before.c_str(), 1) : unsetenv("TERM"), 0);
}

TEST_F(ScreenTest, DrawsOverWhatIsThereWithoutClearingIt) {
  Written();
  ASSERT_TRUE(screen_->Show({"one", "two"}).ok());
  EXPECT_EQ(Written(), "\x1b[Hone\x1b[K\r\r\ntwo\x1b[K\x1b[J");  // the terminal turns "\n" into "\r\n"
}

TEST_F(ScreenTest, HandsOverKeysOneByOne) {
  Type("p\x1b[Aq");
  EXPECT_EQ(Next().key, 'p');
  const Screen::Input last = Next();
  EXPECT_EQ(last.event, Event::kKey);
  EXPECT_EQ(last.key, 'q');
  EXPECT_EQ(screen_->Wait(absl::ZeroDuration()).event, Event::kTimeout);
}

TEST_F(ScreenTest, SignalsEndItOnceTheyAreTakenAndNeverGetLost) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    std::raise(signal);
    const Screen::Input input = Next();
    EXPECT_EQ(input.event, Event::kEnd);
    EXPECT_EQ(input.signal, signal);
  }
  // More than a pipe holds.
  for (int i = 0; i < 100'000; ++i) screen_->Wake();
  std::raise(SIGTERM);
  EXPECT_EQ(Next().signal, SIGTERM);
  EXPECT_EQ(Next().event, Event::kWoken);
  EXPECT_EQ(screen_->Wait(absl::ZeroDuration()).event, Event::kTimeout);
}

TEST_F(ScreenTest, TellsThatItsSizeHasChanged) {
  EXPECT_EQ(screen_->size().width, 80u);
  EXPECT_EQ(screen_->size().height, 24u);
  const winsize size = {.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(user_, TIOCSWINSZ, &size);
  std::raise(SIGWINCH);  // which goes to the terminal's own session otherwise
  EXPECT_EQ(Next().event, Event::kChanged);
  EXPECT_EQ(screen_->size().width, 200u);
  EXPECT_EQ(screen_->size().height, 50u);
}

TEST_F(ScreenTest, TakesTheTerminalAgainWhenTheProcessIsContinued) {
  Written();
  ASSERT_EQ(tcsetattr(terminal_, TCSANOW, &original_), 0);
  std::raise(SIGCONT);
  EXPECT_EQ(Next().event, Event::kChanged);
  EXPECT_THAT(Written(), StartsWith("\x1b[?1049h"));
  EXPECT_EQ(Settings().c_lflag & (ICANON | ECHO), 0u);
}

TEST_F(ScreenTest, EndsWhenTheTerminalIsGone) {
  close(user_);
  user_ = open("/dev/null", O_RDONLY);
  EXPECT_EQ(Next().event, Event::kEnd);
  EXPECT_FALSE(screen_->Show({"one"}).ok());
}

}  // namespace
}  // namespace circuitd::client
