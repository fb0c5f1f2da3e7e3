// JobStore in memory.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/jobs/job_store.h"

namespace circuitd {
namespace {

class MemoryJobStore : public JobStore {
 public:
  absl::Status Put(const JobRecord& record) override {
    jobs_[record.id].record = record;
    return absl::OkStatus();
  }

  absl::StatusOr<JobRecord> Get(absl::string_view id) const override {
    const Entry* entry = Find(id);
    if (entry == nullptr) return NotFound(id);
    return entry->record;
  }

  std::vector<JobRecord> List() const override {
    std::vector<JobRecord> records;
    records.reserve(jobs_.size());
    for (const auto& [id, entry] : jobs_) records.push_back(entry.record);
    std::sort(records.begin(), records.end(),
              [](const JobRecord& a, const JobRecord& b) { return a.number < b.number; });
    return records;
  }

  absl::Status Delete(absl::string_view id) override {
    return jobs_.erase(std::string(id)) > 0 ? absl::OkStatus() : NotFound(id);
  }

  absl::Status AppendEvent(absl::string_view id, JobEvent event) override {
    const auto entry = jobs_.find(std::string(id));
    if (entry == jobs_.end()) return NotFound(id);
    entry->second.events.push_back(std::move(event));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after, size_t limit) const override {
    const Entry* entry = Find(id);
    if (entry == nullptr) return NotFound(id);
    const std::vector<JobEvent>& events = entry->events;
    // Event n lies at n - 1.
    const size_t begin = std::min<uint64_t>(after, events.size());
    const size_t end = begin + std::min(limit, events.size() - begin);
    return std::vector<JobEvent>(events.begin() + begin, events.begin() + end);
  }

  absl::Status PutArtifact(absl::string_view id, ArtifactFile file) override {
    const auto entry = jobs_.find(std::string(id));
    if (entry == jobs_.end()) return NotFound(id);
    entry->second.artifacts[file.name] = std::make_shared<const std::string>(std::move(file.bytes));
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const std::string>> GetArtifact(absl::string_view id,
                                                                 absl::string_view name) const override {
    const Entry* entry = Find(id);
    if (entry == nullptr) return NotFound(id);
    const auto artifact = entry->artifacts.find(std::string(name));
    if (artifact == entry->artifacts.end()) return NotFound(absl::StrCat(id, "/", name));
    return artifact->second;
  }

 private:
  struct Entry {
    JobRecord record;
    std::vector<JobEvent> events;
    std::map<std::string, std::shared_ptr<const std::string>> artifacts;
  };

  static absl::Status NotFound(absl::string_view id) { return absl::NotFoundError(absl::StrCat("no such job: ", id)); }

  const Entry* Find(absl::string_view id) const {
    const auto entry = jobs_.find(std::string(id));
    return entry == jobs_.end() ? nullptr : &entry->second;
  }

  std::map<std::string, Entry> jobs_;
};

}  // namespace

std::unique_ptr<JobStore> NewMemoryJobStore() { return std::make_unique<MemoryJobStore>(); }

}  // namespace circuitd
