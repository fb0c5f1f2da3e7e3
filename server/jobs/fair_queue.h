// Which waiting job runs next: users take turns, each with its share of the devices, and a user's own jobs run by
// priority, then by age.
//
// Every user has a virtual time: the device time that its jobs have had, divided by its weight. Of those who have jobs
// waiting, the user whose virtual time is least comes next. Who had nothing to run for a while goes on at the time of
// those who had: what one doesn't use is not saved up (start-time fair queueing; Goyal, Vin and Cheng, SIGCOMM 1996).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace circuitd {

// Knows no clock: time passes as it is charged. Not thread-safe.
class FairQueue {
 public:
  struct Options {
    std::map<std::string, double> weights = {};  // positive; users that are not there have 1
    int max_running_per_user = 1'000'000;        // on all devices; more wait
  };
  struct Job {
    std::string id;
    std::string device;
    std::string owner;
    int priority = 0;
    uint64_t number = 0;      // ascends with age: the smaller, the older
    absl::Duration estimate;  // of its run; zero: unknown
  };
  struct Planned {
    std::string id;
    std::optional<absl::Duration> begins_in;  // none: unknown
  };

  explicit FairQueue(Options options) : options_(std::move(options)) {}

  void Push(Job job);
  // Takes the next job of a device: it runs from now on. Nothing if none waits that may run.
  std::optional<Job> Pop(absl::string_view device);
  // One that waits. False if it does not.
  bool Remove(absl::string_view id);

  // A running job of `owner` has had the device for so long, since it was charged last.
  void Charge(absl::string_view owner, absl::Duration used);
  // A job that was popped runs no more.
  void Stopped(const Job& job);
  // Whether a running job should make room: a user has a job waiting for its device that has had less than this one's
  // owner, or the owner itself has one of a higher priority.
  bool ShouldYield(const Job& running) const;

  bool Waits(absl::string_view id) const { return places_.count(std::string(id)) > 0; }
  std::set<std::string> devices() const;
  // What runs on a device now.
  struct Running {
    std::string owner;
    std::optional<absl::Duration> remaining;  // none: unknown
  };
  // The waiting jobs of a device in the order in which they would begin if nothing else came and every job ran to its
  // end.
  std::vector<Planned> Plan(absl::string_view device, const std::optional<Running>& running) const;

 private:
  // The first runs first: minus the priority, then the number.
  using Key = std::pair<int, uint64_t>;
  struct User {
    double virtual_seconds = 0;
    int running = 0;
    std::map<std::string, std::map<Key, Job>> waiting;  // by device; no empty ones

    bool IsIdle() const { return running == 0 && waiting.empty(); }
  };
  using Users = std::map<std::string, User>;

  bool Take(absl::string_view id);
  static Key KeyOf(const Job& job) { return {-job.priority, job.number}; }
  double Weight(const std::string& owner) const;
  struct Place {
    std::string owner;
    std::string device;
    Key key;
  };

  // Whose turn it is on a device. A job of `leaving` is to make room, and doesn't count as running.
  Users::const_iterator NextUser(const Users& users, absl::string_view device,
                                 const std::string* leaving = nullptr) const;
  // The least virtual time of those who wait or run.
  std::optional<double> LeastActive() const;
  void ForgetIdle();

  const Options options_;
  Users users_;
  std::map<std::string, Place> places_;
};

}  // namespace circuitd
