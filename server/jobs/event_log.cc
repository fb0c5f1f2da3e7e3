#include "server/jobs/event_log.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace circuitd {

void EventLog::Append(absl::string_view id, JobEvent event, std::string progress) {
  Recent& recent = held_[std::string(id)];
  // What a failure has kept from here is read from the store.
  if (!recent.events.empty() && recent.events.back()->sequence + 1 != event.sequence) recent = {};
  recent.bytes += event.payload.size();
  recent.events.push_back(std::make_shared<const JobEvent>(std::move(event)));
  recent.progress = std::move(progress);
  while (recent.events.size() > 1 && (recent.events.size() > held_per_job_ || recent.bytes > held_bytes_)) {
    recent.bytes -= recent.events.front()->payload.size();
    recent.events.pop_front();
  }
}

absl::StatusOr<EventLog::Page> EventLog::After(absl::string_view id, uint64_t after, size_t limit) const {
  Page page;
  const auto held = held_.find(std::string(id));
  const Recent* recent = held == held_.end() ? nullptr : &held->second;
  if (recent != nullptr && after + 1 >= recent->events.front()->sequence) {
    const auto& events = recent->events;
    const size_t begin = std::min<uint64_t>(after + 1 - events.front()->sequence, events.size());
    const size_t end = begin + std::min(limit, events.size() - begin);
    page.events.assign(events.begin() + begin, events.begin() + end);
  } else {
    ASSIGN_OR_RETURN(std::vector<JobEvent> stored, store_.Events(id, after, {limit, held_bytes_}));
    for (JobEvent& event : stored) page.events.push_back(std::make_shared<const JobEvent>(std::move(event)));
  }
  if (recent == nullptr || page.events.empty()) return page;
  const JobEvent& last = *page.events.back();
  if (!last.state && last.sequence == recent->events.back()->sequence) page.progress = recent->progress;
  return page;
}

}  // namespace circuitd
