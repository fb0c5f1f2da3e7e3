#include "server/service/job_flags.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/service/count_flag.h"

namespace circuitd {
namespace {

constexpr char kRetention[] = "--retention";
constexpr char kWeight[] = "--user-weight";

// What is an age and what a size is told by the unit.
const std::map<std::string, absl::Duration>& AgeUnits() {
  static const auto& units = *new std::map<std::string, absl::Duration>{
      {"s", absl::Seconds(1)}, {"m", absl::Minutes(1)}, {"h", absl::Hours(1)}, {"d", absl::Hours(24)}};
  return units;
}
const std::map<std::string, double>& SizeUnits() {
  static const auto& units = *new std::map<std::string, double>{
      {"B", 1},    {"kB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12},
      {"KB", 1e3}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
  return units;
}

}  // namespace

absl::Status ParseRetention(const std::string& text, ServerOptions& options) {
  options.retention_age = absl::InfiniteDuration();
  options.retention_bytes = INT64_MAX;
  if (text == "off") return absl::OkStatus();
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const absl::string_view limit = absl::StripAsciiWhitespace(part);
    const size_t digits = std::min(limit.find_first_not_of("0123456789."), limit.size());
    const std::string unit(limit.substr(digits));
    double number = 0;
    const bool is_age = AgeUnits().count(unit) > 0;
    if (!absl::SimpleAtod(limit.substr(0, digits), &number) || (!is_age && SizeUnits().count(unit) == 0)) {
      return InvalidField(kRetention, absl::StrCat("\"", limit, "\" is neither an age (30d, 12h) nor a size (10GiB)"));
    }
    if (is_age) {
      options.retention_age = AgeUnits().at(unit) * number;
    } else {
      options.retention_bytes = static_cast<int64_t>(std::min(number * SizeUnits().at(unit), 9e18));
    }
  }
  return absl::OkStatus();
}

std::string DefaultDataDir() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return absl::StrCat(state, "/circuitd");
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? absl::StrCat(home, "/.local/state/circuitd") : "";
}

void JobFlags::AddTo(CLI::App& app, ServerOptions& options) {
  const std::string jobs = "Jobs";
  options.data_dir = DefaultDataDir();
  retention_ = "30d,10GiB";
  turn_seconds_ = absl::ToDoubleSeconds(options.job_turn);
  app.add_option("--data-dir", options.data_dir, "Where jobs and their files are kept; of one server at a time")
      ->type_name("DIR")
      ->default_str("~/.local/state/circuitd")
      ->group(jobs);
  app.add_option(kRetention, retention_,
                 "Ended jobs that are older, or the oldest when all together take more, are forgotten; off: none")
      ->type_name("AGE,SIZE")
      ->capture_default_str()
      ->group(jobs);
  AddCount(app, "--max-queued-jobs", options.max_queued_jobs, "Jobs that wait; more are refused", jobs);
  AddCount(app, "--max-queued-jobs-per-user", options.max_queued_jobs_per_user, "Jobs of one user that wait", jobs);
  AddCount(app, "--max-running-jobs-per-user", options.max_running_jobs_per_user,
           "Jobs of one user that run at once, on all devices; more wait", jobs);
  app.add_option(kWeight, weights_, "A user's share of the devices, against 1 of everybody else; repeatable")
      ->type_name("USER=SHARE")
      ->allow_extra_args(false)
      ->group(jobs);
  app.add_option(
         "--job-turn", turn_seconds_,
         "Seconds that a job runs at least before it makes room for another user's; longer if its preparation, which "
         "every turn repeats, would be over a tenth of that")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(jobs);
}

absl::Status JobFlags::Apply(ServerOptions& options) const {
  if (options.data_dir.empty()) return InvalidField("--data-dir", "must be set where there is no home folder");
  options.job_turn = absl::Seconds(turn_seconds_);
  for (const std::string& flag : weights_) {
    const size_t equals = flag.rfind('=');
    double share = 0;
    if (equals == std::string::npos || !absl::SimpleAtod(flag.substr(equals + 1), &share) || !(share > 0) ||
        !std::isfinite(share)) {
      return InvalidField(kWeight, absl::StrCat("\"", flag, "\" is not USER=SHARE with a share over 0"));
    }
    options.user_weights[flag.substr(0, equals)] = share;
  }
  return ParseRetention(retention_, options);
}

}  // namespace circuitd
