// The models that this server can find, and those that it holds.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/model/device.h"
#include "server/model/fingerprint.h"
#include "server/model/host_tensor.h"
#include "server/model/locator.h"
#include "server/model/model.h"

namespace circuitd {

struct LoadOptions {
  std::string device;          // "cpu", "cuda", "cuda:N"; empty: the registry's default
  std::optional<DType> dtype;  // nullopt: as it is loaded, else float32
};

struct ModelListing {
  std::string name;
  std::vector<std::string> aliases;
  std::shared_ptr<const Model> loaded;  // null if it is not
};

// Thread-safe. Loading takes about a second per 500 MB and blocks the caller, not the others.
class ModelRegistry {
 public:
  struct Options {
    ModelLocator::Options locations;
    std::string default_device = "cpu";
    int max_loaded_models = 8;  // in memory, unloaded ones that somebody still uses included
  };
  // Makes a model of a folder; called without locks, by several threads at once; must not throw.
  using Loader = std::function<absl::StatusOr<std::shared_ptr<const Model>>(const ModelLocator::Location& location,
                                                                            DeviceId device, DType dtype)>;
  // With LoadModel (model_loader.h) as loader.
  explicit ModelRegistry(Options options);
  ModelRegistry(Options options, Loader loader);

  // The loaded model, or loads it; callers who want the same model at once share one load. An unloaded one that
  // somebody still uses is taken back if it is the same: its files unchanged, its device and dtype as asked for. A
  // failed load leaves nothing. INVALID_ARGUMENT for a name, device or dtype that is none; NOT_FOUND (the message lists
  // the names there are), FAILED_PRECONDITION if it is loaded with other options or can't be served,
  // RESOURCE_EXHAUSTED, naming the models in memory, at max_loaded_models, or out of memory.
  absl::StatusOr<std::shared_ptr<const Model>> Load(absl::string_view name, const LoadOptions& options);

  // The model if it is loaded; null otherwise.
  std::shared_ptr<const Model> FindLoaded(absl::string_view name) const;

  // NOT_FOUND if there is no such model.
  absl::StatusOr<ModelListing> Get(absl::string_view name) const;

  // Everything there is, sorted by name.
  std::vector<ModelListing> List() const;

  // Users keep the model, which counts as one in memory until all let it go. NOT_FOUND if it is not loaded.
  absl::Status Unload(absl::string_view name);

 private:
  // A load that is under way, or its error; guarded by mutex_.
  struct Pending {
    DeviceId device;
    DType dtype;
    bool done = false;
    absl::Status status;
  };

  struct Loaded {
    std::shared_ptr<const Model> model;
    ModelLocator::Location location;
  };

  struct Unloaded {
    std::weak_ptr<const Model> model;
    ModelLocator::Location location;
  };

  absl::StatusOr<DeviceId> WantedDevice(const LoadOptions& options) const;
  ModelListing Listing(const ModelLocator::Location& location) const;
  // The unloaded model that is what a load would give, no longer counted as unloaded; null if there is none in memory.
  std::shared_ptr<const Model> TakeUnloaded(const ModelLocator::Location& location, DeviceId device, DType dtype)
      REQUIRES(mutex_);
  // RESOURCE_EXHAUSTED unless one more model fits.
  absl::Status CheckRoom(absl::string_view name) REQUIRES(mutex_);

  const Options options_;
  const ModelLocator locator_;
  const Loader loader_;
  mutable Mutex mutex_;
  CondVar load_ended_;
  // By canonical name.
  std::map<std::string, Loaded> loaded_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Pending>> pending_ GUARDED_BY(mutex_);
  // Some may have gone from memory since the last load.
  std::vector<Unloaded> unloaded_ GUARDED_BY(mutex_);
};

}  // namespace circuitd
