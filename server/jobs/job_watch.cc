#include "server/jobs/job_watch.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/queue_full.h"

namespace circuitd {

JobWatch::JobWatch(JobManager& manager, std::string id, uint64_t after, std::shared_ptr<Watcher> watcher)
    : manager_(manager), id_(std::move(id)), watcher_(std::move(watcher)), sent_(after) {}

JobWatch::~JobWatch() {
  watcher_->Close();
  manager_.CloseWatch(id_, watcher_.get());
}

absl::Status JobWatch::Read() {
  constexpr size_t kReadAhead = 64;
  MutexLock lock(manager_.mutex_);
  ASSIGN_OR_RETURN(EventLog::Page page, manager_.log_.After(id_, sent_, kReadAhead));
  // An end is told all the same; of a job that will not end here there is no more.
  if (page.events.empty() && manager_.watches_over_) return absl::UnavailableError("the server is shutting down");
  read_.assign(page.events.begin(), page.events.end());
  progress_ = std::move(page.progress);
  return absl::OkStatus();
}

absl::StatusOr<JobWatch::Item> JobWatch::Next() {
  using Kind = Item::Kind;
  if (stage_ == Stage::kDone) return Item{};
  if (stage_ == Stage::kFirst || stage_ == Stage::kLast) {
    MutexLock lock(manager_.mutex_);
    ASSIGN_OR_RETURN(JobRecord record, manager_.store_->Get(id_));
    const bool over = HasEnded(record.state) && sent_ >= record.last_sequence;
    // Nothing to come for a job that had ended before and whose events are known: the job once, not twice.
    stage_ = stage_ == Stage::kFirst && !over ? Stage::kEvents : Stage::kDone;
    return Item{Kind::kJob, std::make_shared<const JobView>(manager_.ViewLocked(std::move(record))), {}, {}};
  }
  if (read_.empty()) RETURN_IF_ERROR(Read());
  if (read_.empty()) return Item{Kind::kNothingYet, {}, {}, {}};
  Item item{Kind::kEvent, {}, std::move(read_.front()), {}};
  read_.pop_front();
  sent_ = item.event->sequence;
  if (read_.empty()) item.progress = std::exchange(progress_, {});
  if (item.event->state && HasEnded(*item.event->state)) stage_ = Stage::kLast;
  return item;
}

absl::StatusOr<std::unique_ptr<JobWatch>> JobManager::Watch(absl::string_view id, uint64_t after_sequence,
                                                            std::function<void()> on_change) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (after_sequence > record.last_sequence) {
    return InvalidField("after_sequence",
                        absl::StrCat(after_sequence, ", the job's last event is ", record.last_sequence));
  }
  if (watchers_.size() >= static_cast<size_t>(options_.max_watches)) {
    return QueueFullError(absl::StrCat(watchers_.size(), " watches are open, max_watches is ", options_.max_watches));
  }
  auto watcher = std::make_shared<Watcher>(std::move(on_change));
  watchers_.Add(id, watcher);
  unwatched_until_.erase(record.id);
  return std::unique_ptr<JobWatch>(new JobWatch(*this, record.id, after_sequence, std::move(watcher)));
}

void JobManager::Wake(const std::string& id) {
  if (!watchers_.IsWatched(id)) return;
  to_wake_.insert(id);
  to_wake_changed_.Signal();
}

void JobManager::KeepWatchersAwake() {
  for (;;) {
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
      MutexLock lock(mutex_);
      while (to_wake_.empty() && !closing_) to_wake_changed_.Wait(mutex_);
      if (closing_) return;
      auto next = to_wake_.upper_bound(last_woken_);
      if (next == to_wake_.end()) next = to_wake_.begin();
      last_woken_ = *next;
      watchers = watchers_.Of(*next);
      to_wake_.erase(next);
    }
    for (const auto& watcher : watchers) {
      RunGuarded([&] {
        watcher->Wake();
        return absl::OkStatus();
      }).IgnoreError();
    }
  }
}

void JobManager::EndWatches() {
  MutexLock lock(mutex_);
  watches_over_ = true;
  for (const std::string& id : watchers_.jobs()) to_wake_.insert(id);
  to_wake_changed_.Signal();
}

}  // namespace circuitd
