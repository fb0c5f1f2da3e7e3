// What tests do to stores in another process: "write FILE SEED" changes jobs until it is killed and says what was
// answered OK; "hold-jobs FILE" and "hold-folder FOLDER" open one and keep it until their input ends.
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <iostream>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/jobs/store/data_folder.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "tests/unit/jobs/store/store_test_util.h"

namespace circuitd {
namespace {

void Say(absl::string_view line) {
  const std::string text = absl::StrCat(line, "\n");
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::exit(3);
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  Say(absl::StrCat("error ", status.ToString()));
  std::exit(1);
}

template <typename T>
T Check(absl::StatusOr<T> value) {
  Check(value.status());
  return *std::move(value);
}

[[noreturn]] void Write(const std::string& file, const std::string& seed) {
  Say("opening");
  const auto store = Check(OpenSqliteJobStore(file));
  Say("open");
  std::mt19937 random(std::stoul(seed));
  JobRecord log = QueuedJob("log");
  if (const auto found = store->Get("log"); found.ok()) {
    log = *found;
  } else {
    Check(store->Insert(log, {StateEvent(1, JobState::kQueued)}, "input"));
  }
  std::deque<std::string> others;
  for (int i = 0;; ++i) {
    const unsigned kind = random() % 100;
    if (kind < 88) {
      const uint64_t sequence = ++log.last_sequence;
      if (kind < 5) {
        log.state = JobState::kRunning;
        Check(store->Update(log, StateEvent(sequence, log.state)));
      } else {
        log.progress = absl::StrCat("payload ", sequence, std::string(random() % 3000, 'x'));
        Check(store->Update(log, PayloadEvent(sequence, log.progress)));
      }
      Say(absl::StrCat("event ", sequence));
    } else if (kind < 94 || others.empty()) {
      others.push_back(absl::StrCat("job ", seed, ".", i));
      JobRecord other = QueuedJob(others.back());
      Check(store->Insert(other, {StateEvent(1, JobState::kQueued)}, "input"));
      Say(absl::StrCat("inserted ", others.back()));
    } else {
      Say(absl::StrCat("deleting ", others.front()));
      Check(store->Delete(others.front()));
      Say(absl::StrCat("deleted ", others.front()));
      others.pop_front();
    }
  }
}

template <typename T>
void Hold(absl::StatusOr<T> opened) {
  const T held = Check(std::move(opened));
  Say("open");
  std::string input;
  while (std::getline(std::cin, input)) {
  }
}

}  // namespace
}  // namespace circuitd

int main(int count, char** arguments) {
  const std::string what = count > 2 ? arguments[1] : "";
  if (what == "write" && count == 4) circuitd::Write(arguments[2], arguments[3]);
  if (what == "hold-jobs") {
    circuitd::Hold(circuitd::OpenSqliteJobStore(arguments[2]));
  } else if (what == "hold-folder") {
    circuitd::Hold(circuitd::DataFolder::Open(arguments[2]));
  } else {
    return 2;
  }
  return 0;
}
