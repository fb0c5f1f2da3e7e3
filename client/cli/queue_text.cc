#include "client/cli/queue_text.h"

#include "absl/strings/str_cat.h"

namespace circuitd::client {
namespace {

std::string About(absl::Time time, absl::Time now, absl::TimeZone zone) {
  const absl::Duration wait = time - now;
  // Estimates grow old; what should have begun is about to.
  if (wait < absl::Seconds(30)) return "in a moment";
  if (wait < absl::Minutes(60)) {
    return absl::StrCat("in about ", absl::ToInt64Minutes(wait + absl::Seconds(30)), " min");
  }
  const bool today = absl::ToCivilDay(time, zone) == absl::ToCivilDay(now, zone);
  return absl::StrCat("about ", absl::FormatTime(today ? "%H:%M" : "%Y-%m-%d %H:%M", time, zone));
}

}  // namespace

std::string QueueText(const v1::Job& job, absl::Time now, absl::TimeZone zone) {
  std::string text = job.queue_position() == 0 ? "next" : absl::StrCat(job.queue_position(), " before it");
  if (job.has_estimated_start_time()) {
    const absl::Time time = absl::FromUnixSeconds(job.estimated_start_time().seconds());
    absl::StrAppend(&text, job.has_start_time() ? ", goes on " : ", begins ", About(time, now, zone));
  }
  return absl::StrCat(text, HeldBackText(job));
}

std::string HeldBackText(const v1::Job& job) {
  return job.held_back_by().empty() ? "" : absl::StrCat("; held back: ", job.held_back_by());
}

}  // namespace circuitd::client
