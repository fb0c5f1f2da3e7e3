#include "server/jobs/fair_queue.h"

#include <algorithm>

namespace circuitd {

double FairQueue::Weight(const std::string& owner) const {
  const auto weight = options_.weights.find(owner);
  return weight == options_.weights.end() ? 1 : weight->second;
}

std::optional<double> FairQueue::LeastActive() const {
  std::optional<double> least;
  for (const auto& [owner, user] : users_) {
    if (!user.IsIdle()) least = std::min(least.value_or(user.virtual_seconds), user.virtual_seconds);
  }
  return least;
}

void FairQueue::Push(Job job) {
  const std::optional<double> least = LeastActive();
  User& user = users_[job.owner];
  if (user.IsIdle() && least) user.virtual_seconds = std::max(user.virtual_seconds, *least);
  const Key key = KeyOf(job);
  places_[job.id] = {job.owner, job.device, key};
  user.waiting[job.device][key] = std::move(job);
}

FairQueue::Users::const_iterator FairQueue::NextUser(const Users& users, absl::string_view device,
                                                     const std::string* leaving) const {
  auto next = users.end();
  const std::string on(device);
  for (auto user = users.begin(); user != users.end(); ++user) {
    const auto waiting = user->second.waiting.find(on);
    if (waiting == user->second.waiting.end()) continue;
    const int running = user->second.running - (leaving != nullptr && *leaving == user->first ? 1 : 0);
    if (running >= options_.max_running_per_user) continue;
    // Of equals the one whose job is older.
    const auto rank = [&](const Users::const_iterator& of) {
      return std::make_pair(of->second.virtual_seconds, of->second.waiting.at(on).begin()->second.number);
    };
    if (next == users.end() || rank(user) < rank(next)) next = user;
  }
  return next;
}

std::optional<FairQueue::Job> FairQueue::Pop(absl::string_view device) {
  const auto next = NextUser(users_, device);
  if (next == users_.end()) return std::nullopt;
  User& user = users_[next->first];
  Job job = user.waiting.at(std::string(device)).begin()->second;
  Take(job.id);
  ++user.running;
  return job;
}

bool FairQueue::Remove(absl::string_view id) {
  const bool removed = Take(id);
  ForgetIdle();
  return removed;
}

bool FairQueue::Take(absl::string_view id) {
  const auto place = places_.find(std::string(id));
  if (place == places_.end()) return false;
  auto& on_device = users_.at(place->second.owner).waiting;
  auto& waiting = on_device.at(place->second.device);
  waiting.erase(place->second.key);
  if (waiting.empty()) on_device.erase(place->second.device);
  places_.erase(place);
  return true;
}

void FairQueue::Charge(absl::string_view owner, absl::Duration used) {
  const auto user = users_.find(std::string(owner));
  if (user != users_.end()) user->second.virtual_seconds += absl::ToDoubleSeconds(used) / Weight(user->first);
}

void FairQueue::Stopped(const Job& job) {
  --users_.at(job.owner).running;
  ForgetIdle();
}

void FairQueue::ForgetIdle() {
  // Those who are behind would begin at the others' time anyway; where nobody is active, nobody is owed anything.
  const std::optional<double> least = LeastActive();
  std::erase_if(users_, [&](const auto& entry) {
    return entry.second.IsIdle() && (!least || entry.second.virtual_seconds <= *least);
  });
}

bool FairQueue::ShouldYield(const Job& running) const {
  const auto next = NextUser(users_, running.device, &running.owner);
  if (next == users_.end()) return false;
  if (next->first == running.owner) {
    return next->second.waiting.at(running.device).begin()->second.priority > running.priority;
  }
  return next->second.virtual_seconds < users_.at(running.owner).virtual_seconds;
}

std::set<std::string> FairQueue::devices() const {
  std::set<std::string> devices;
  for (const auto& [owner, user] : users_) {
    for (const auto& [device, waiting] : user.waiting) devices.insert(device);
  }
  return devices;
}

std::vector<FairQueue::Planned> FairQueue::Plan(absl::string_view device, const std::optional<Running>& running) const {
  // Jobs of unknown length count alike.
  constexpr absl::Duration kUnknown = absl::Seconds(1);
  const std::string on(device);
  Users users;
  for (const auto& [owner, user] : users_) {
    const auto waiting = user.waiting.find(on);
    if (waiting == user.waiting.end()) continue;
    // Who runs somewhere now will have stopped by then.
    users[owner] = {user.virtual_seconds, 0, {{on, waiting->second}}};
  }
  std::optional<absl::Duration> free_in = absl::ZeroDuration();
  const auto charge = [&](User& user, const std::string& owner, absl::Duration used) {
    user.virtual_seconds += absl::ToDoubleSeconds(used) / Weight(owner);
  };
  if (running) {
    free_in = running->remaining;
    const auto user = users.find(running->owner);
    if (user != users.end()) charge(user->second, user->first, free_in.value_or(kUnknown));
  }
  std::vector<Planned> plan;
  for (;;) {
    const auto next = NextUser(users, device);
    if (next == users.end()) return plan;
    User& user = users[next->first];
    auto& waiting = user.waiting.at(on);
    const Job job = waiting.begin()->second;
    waiting.erase(waiting.begin());
    if (waiting.empty()) user.waiting.erase(on);
    plan.push_back({job.id, free_in});
    if (job.estimate <= absl::ZeroDuration()) free_in = std::nullopt;
    if (free_in) *free_in += job.estimate;
    charge(user, next->first, job.estimate > absl::ZeroDuration() ? job.estimate : kUnknown);
  }
}

}  // namespace circuitd
