#include "bench/watch_reader.h"

#include "absl/strings/str_cat.h"

namespace circuitd {

WatchReader::WatchReader(v1::JobService::StubInterface::async_interface& stub, const std::string& job, bool slow)
    : slow_(slow) {
  request_.set_name(job);
  stub.WatchJob(&context_, &request_, this);
  // Also while no read is under way.
  AddHold();
  StartRead(&response_);
  StartCall();
}

void WatchReader::OnReadDone(bool ok) {
  {
    MutexLock lock(mutex_);
    if (ok && response_.has_event()) {
      const v1::JobEvent& event = response_.event();
      if (event.sequence() != last_ + 1 && fault_.empty()) {
        fault_ = absl::StrCat("event ", event.sequence(), " after ", last_);
      }
      last_ = event.sequence();
      if (event.has_decision()) ++decisions_;
      succeeded_ = event.state() == v1::JOB_STATE_SUCCEEDED;
    } else if (ok) {
      told_after_ = succeeded_;
    }
    waits_ = ok && slow_;
    if (waits_) return;
  }
  if (ok) {
    StartRead(&response_);
  } else {
    RemoveHold();
  }
}

void WatchReader::ReadOn() {
  {
    MutexLock lock(mutex_);
    if (!waits_) return;
    waits_ = false;
  }
  StartRead(&response_);
}

void WatchReader::OnDone(const grpc::Status& status) {
  MutexLock lock(mutex_);
  status_ = status;
  over_ = true;
  over_changed_.SignalAll();
}

void WatchReader::Await() {
  MutexLock lock(mutex_);
  while (!over_) over_changed_.Wait(mutex_);
}

bool WatchReader::is_over() const {
  MutexLock lock(mutex_);
  return over_;
}

uint64_t WatchReader::decisions() const {
  MutexLock lock(mutex_);
  return decisions_;
}

std::string WatchReader::Fault() const {
  MutexLock lock(mutex_);
  if (!fault_.empty()) return fault_;
  if (!status_.ok()) return absl::StrCat("status ", status_.error_code(), ": ", status_.error_message());
  if (!succeeded_) return "no event says that the job has succeeded";
  return told_after_ ? "" : "the job didn't come after its last event";
}

}  // namespace circuitd
