#include "server/jobs/job_queue.h"

#include <iterator>

namespace circuitd {

void JobQueue::Push(absl::string_view device, int priority, uint64_t number, std::string id) {
  const Key key{-priority, number};
  places_[id] = Place{std::string(device), key};
  devices_[std::string(device)][key] = std::move(id);
  ++size_;
}

std::optional<std::string> JobQueue::Pop(absl::string_view device) {
  const auto waiting = devices_.find(std::string(device));
  if (waiting == devices_.end() || waiting->second.empty()) return std::nullopt;
  std::string id = waiting->second.begin()->second;
  Remove(id);
  return id;
}

bool JobQueue::Remove(absl::string_view id) {
  const auto place = places_.find(std::string(id));
  if (place == places_.end()) return false;
  devices_[place->second.device].erase(place->second.key);
  places_.erase(place);
  --size_;
  return true;
}

std::optional<size_t> JobQueue::Position(absl::string_view id) const {
  const auto place = places_.find(std::string(id));
  if (place == places_.end()) return std::nullopt;
  const auto& waiting = devices_.at(place->second.device);
  return static_cast<size_t>(std::distance(waiting.begin(), waiting.find(place->second.key)));
}

}  // namespace circuitd
