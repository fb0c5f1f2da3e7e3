// `circuit top`: what a server does, live.
#include <unistd.h>

#include <csignal>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/screen.h"
#include "client/cli/terminal_size.h"
#include "client/cli/top_feed.h"
#include "client/cli/top_json.h"
#include "client/cli/top_poller.h"
#include "client/cli/top_source.h"
#include "client/cli/top_view.h"

namespace circuitd::client {
namespace {

constexpr absl::Duration kShortestInterval = absl::Milliseconds(200);
constexpr absl::Duration kLongestInterval = absl::Seconds(60);
// For the clock; a new snapshot is drawn at once.
constexpr absl::Duration kBetweenFrames = absl::Seconds(1);
// A server that is silent for that long is said not to answer.
constexpr absl::Duration kSilence = absl::Seconds(5);

struct TopOptions {
  absl::Duration interval = absl::Seconds(1);
  bool once = false;
};

TopState StartState(CommandContext& context) {
  TopState state;
  state.server = context.options().server;
  state.user = context.options().user;
  state.now = state.taken = absl::Now();
  state.zone = absl::LocalTimeZone();
  return state;
}

// A server that goes away is tried again as long as it takes: each call once, and for no longer than that.
void MakeCallsShort(CommandContext& context) {
  context.HushRetries();
  context.options().retry_for = absl::ZeroDuration();
  double& seconds = context.options().call_seconds;
  const double most = absl::ToDoubleSeconds(2 * kSilence);
  if (!(seconds > 0 && seconds < most)) seconds = most;
}

absl::StatusOr<TopSource> Connect(const CommandContext& context) {
  ASSIGN_OR_RETURN(auto client, context.Connect());
  return TopSource(std::move(client), [&context] { return context.MakeClient(); });
}

absl::StatusOr<int> ShowOnce(CommandContext& context) {
  ASSIGN_OR_RETURN(TopSource source, Connect(context));
  ASSIGN_OR_RETURN(TopSnapshot snapshot, source.Take());
  if (context.options().json) {
    context.out().Write(TopJson(snapshot, absl::Now(), /*one_line=*/false));
    return kExitOk;
  }
  TopState state = StartState(context);
  state.snapshot = std::move(snapshot);
  const TopLayout layout = {context.out().table_width(), 0, context.out().colour_depth()};
  context.out().Write(absl::StrCat(absl::StrJoin(RenderTop(state, layout), "\n"), "\n"));
  return kExitOk;
}

// A line each interval until nobody reads it; a signal ends it as it ends any process.
absl::StatusOr<int> WriteLines(CommandContext& context, const TopOptions& options) {
  MakeCallsShort(context);
  ASSIGN_OR_RETURN(TopSource source, Connect(context));
  ASSIGN_OR_RETURN(TopSnapshot first, source.Take());
  context.out().Write(TopJson(first, absl::Now(), /*one_line=*/true));
  while (context.out().status().ok() && !context.out().reader_gone()) {
    absl::SleepFor(options.interval);
    const auto snapshot = source.Take();
    context.out().Write(snapshot.ok() ? TopJson(*snapshot, absl::Now(), /*one_line=*/true)
                                      : TopErrorJson(snapshot.status(), absl::Now()));
  }
  return kExitOk;
}

class LiveTop {
 public:
  LiveTop(CommandContext& context, const TopOptions& options, TopSource& source, TopSnapshot first)
      : depth_(context.out().colour_depth()),
        options_(options),
        source_(source),
        state_(StartState(context)),
        feed_(std::move(first), options.interval + kSilence, state_.now, state_) {
    state_.live = true;
  }

  // The signal that ended it; 0: a key did.
  absl::StatusOr<int> Run() {
    ASSIGN_OR_RETURN(const auto screen, Screen::Open(STDIN_FILENO, STDOUT_FILENO));
    TopPoller poller(source_, options_.interval, [&screen] { screen->Wake(); });
    while (true) {
      RETURN_IF_ERROR(Draw(*screen));
      const Screen::Input input = screen->Wait(kBetweenFrames);
      if (input.event == Screen::Event::kEnd) return input.signal;
      if (input.event == Screen::Event::kKey && !Obey(input.key)) return 0;
      // Stopped, it heard nothing.
      if (input.event == Screen::Event::kChanged) feed_.ForgetSilence(absl::Now());
      feed_.Update(poller.Take(), absl::Now());
    }
  }

 private:
  absl::Status Draw(Screen& screen) const {
    const TerminalSize size = screen.size();
    // Some terminals wrap when the last column is written.
    return screen.Show(RenderTop(state_, {std::max<size_t>(size.width - 1, 1), size.height, depth_}));
  }

  // False if the key ends it.
  bool Obey(char key) {
    if (key == 'q' || key == 'Q') return false;
    if (key == 'p' || key == 'P' || key == ' ') state_.paused = !state_.paused;
    if (key == 'a' || key == 'A') state_.own_only = !state_.own_only;
    return true;
  }

  const ColourDepth depth_;
  const TopOptions options_;
  TopSource& source_;
  TopState state_;
  TopFeed feed_;
};

absl::StatusOr<int> ShowLive(CommandContext& context, const TopOptions& options) {
  MakeCallsShort(context);
  ASSIGN_OR_RETURN(TopSource source, Connect(context));
  ASSIGN_OR_RETURN(TopSnapshot first, source.Take());
  ASSIGN_OR_RETURN(const int signal, LiveTop(context, options, source, std::move(first)).Run());
  if (signal == 0) return kExitOk;
  if (signal == SIGINT) return kExitDetached;
  // The terminal is as it was: the signal does now what it does to any process.
  std::raise(signal);
  return kExitFailure;
}

absl::StatusOr<int> Top(CommandContext& context, const TopOptions& options) {
  if (context.options().json) return options.once ? ShowOnce(context) : WriteLines(context, options);
  const bool live = !options.once && context.out().is_terminal() && CanMoveUp(STDOUT_FILENO);
  return live ? ShowLive(context, options) : ShowOnce(context);
}

}  // namespace

void AddTopCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("top", "Watch a server's devices, models and jobs; q quits");
  command->fallthrough();
  auto options = std::make_shared<TopOptions>();
  command
      ->add_option_function<std::string>(
          "--interval",
          [options](const std::string& text) {
            const std::optional<absl::Duration> interval = ParseSeconds(text);
            if (!interval || *interval < kShortestInterval || *interval > kLongestInterval) {
              throw CLI::ValidationError("--interval", "'" + text + "' is not a time from 0.2 to 60 seconds");
            }
            options->interval = *interval;
          },
          "How often the server is asked: seconds, from 0.2 to 60")
      ->type_name("TIME")
      ->default_str("1");
  command->add_flag("--once", options->once, "Show everything once, as it is now, and end");
  context.Register(command, [&context, options] { return Top(context, *options); });
}

}  // namespace circuitd::client
