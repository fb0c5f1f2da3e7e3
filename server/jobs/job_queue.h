// The order of waiting jobs: of one device, the highest priority first, then the oldest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace circuitd {

// Not thread-safe.
class JobQueue {
 public:
  // `number` ascends with age: the smaller, the older.
  void Push(absl::string_view device, int priority, uint64_t number, std::string id);
  // Takes the first job of a device.
  std::optional<std::string> Pop(absl::string_view device);
  // False if it does not wait.
  bool Remove(absl::string_view id);
  // How many jobs of the same device run before it; nullopt if it does not wait.
  std::optional<size_t> Position(absl::string_view id) const;
  size_t size() const { return size_; }

 private:
  // Minus the priority, then the number.
  using Key = std::pair<int, uint64_t>;
  struct Place {
    std::string device;
    Key key;
  };
  std::map<std::string, std::map<Key, std::string>> devices_;
  std::map<std::string, Place> places_;
  size_t size_ = 0;
};

}  // namespace circuitd
