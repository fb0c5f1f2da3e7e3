#include "server/model/registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/model_loader.h"
#include "server/model/model_name.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

ModelRegistry::Loader FolderLoader() {
  return
      [hashes = std::make_shared<FileHashCache>()](const ModelLocator::Location& location, DeviceId device,
                                                   DType dtype) { return LoadModel(location, device, dtype, hashes); };
}

absl::Status LoadedOtherwise(const Model& model, absl::string_view field, absl::string_view is,
                             absl::string_view wanted) {
  return FieldError(
      absl::StatusCode::kFailedPrecondition, field,
      absl::StrCat(wanted, ", but ", QuoteName(model.name()), " is loaded with ", is, "; unload it first"));
}

// Whether a loaded model is what `options` ask for; what they leave open, it is.
absl::Status CheckLoaded(const Model& model, const LoadOptions& options, DeviceId wanted_device) {
  if (!options.device.empty() && model.device() != DeviceName(wanted_device)) {
    return LoadedOtherwise(model, "device", model.device(), DeviceName(wanted_device));
  }
  if (options.dtype && *options.dtype != model.dtype()) {
    return LoadedOtherwise(model, "data_type", DTypeName(model.dtype()), DTypeName(*options.dtype));
  }
  return absl::OkStatus();
}

}  // namespace

ModelRegistry::ModelRegistry(Options options) : ModelRegistry(std::move(options), FolderLoader()) {}

ModelRegistry::ModelRegistry(Options options, Loader loader)
    : options_(std::move(options)), locator_(options_.locations), loader_(std::move(loader)) {}

absl::StatusOr<DeviceId> ModelRegistry::WantedDevice(const LoadOptions& options) const {
  return ParseDevice(options.device.empty() ? options_.default_device : options.device);
}

absl::StatusOr<std::shared_ptr<const Model>> ModelRegistry::Load(absl::string_view name, const LoadOptions& options) {
  RETURN_IF_ERROR(ValidateModelName(name));
  const std::string canonical = CanonicalModelName(name);
  ASSIGN_OR_RETURN(const DeviceId device, WantedDevice(options));
  const DType dtype = options.dtype.value_or(DType::kFloat32);
  if (dtype == DType::kInt64) return InvalidField("data_type", "int64, must be float32, float16 or bfloat16");

  if (const auto model = FindLoaded(canonical)) {
    RETURN_IF_ERROR(CheckLoaded(*model, options, device));
    return model;
  }
  // Before the lock: it reads the file system.
  ASSIGN_OR_RETURN(const ModelLocator::Location location, locator_.Find(name));

  const auto mine = std::make_shared<Pending>(Pending{.device = device, .dtype = dtype, .done = false, .status = {}});
  {
    MutexLock lock(mutex_);
    for (;;) {
      if (const auto found = loaded_.find(canonical); found != loaded_.end()) {
        RETURN_IF_ERROR(CheckLoaded(*found->second.model, options, device));
        return found->second.model;
      }
      const auto pending = pending_.find(canonical);
      if (pending == pending_.end()) break;
      const std::shared_ptr<Pending> other = pending->second;
      while (!other->done) load_ended_.Wait(mutex_);
      // Who wanted another device or dtype may still succeed.
      if (!other->status.ok() && other->device == device && other->dtype == dtype) return other->status;
    }
    if (auto model = TakeUnloaded(location, device, dtype)) {
      loaded_.emplace(canonical, Loaded{model, location});
      return model;
    }
    RETURN_IF_ERROR(CheckRoom(canonical));
    pending_.emplace(canonical, mine);
  }

  absl::StatusOr<std::shared_ptr<const Model>> model = loader_(location, device, dtype);

  MutexLock lock(mutex_);
  pending_.erase(canonical);
  mine->done = true;
  mine->status = model.status();
  if (model.ok()) loaded_.emplace(canonical, Loaded{*model, location});
  load_ended_.SignalAll();
  return model;
}

std::shared_ptr<const Model> ModelRegistry::TakeUnloaded(const ModelLocator::Location& location, DeviceId device,
                                                         DType dtype) {
  for (auto unloaded = unloaded_.begin(); unloaded != unloaded_.end(); ++unloaded) {
    if (unloaded->location != location) continue;
    std::shared_ptr<const Model> model = unloaded->model.lock();
    if (!model || model->device() != DeviceName(device) || model->dtype() != dtype) continue;
    unloaded_.erase(unloaded);
    return model;
  }
  return nullptr;
}

absl::Status ModelRegistry::CheckRoom(absl::string_view name) {
  std::erase_if(unloaded_, [](const Unloaded& unloaded) { return unloaded.model.expired(); });
  const size_t most = static_cast<size_t>(options_.max_loaded_models);
  if (loaded_.size() + pending_.size() + unloaded_.size() < most) return absl::OkStatus();
  std::vector<std::string> holders;
  for (const auto& [loaded, unused] : loaded_) holders.push_back(absl::StrCat(loaded, " (loaded)"));
  for (const auto& [loading, unused] : pending_) holders.push_back(absl::StrCat(loading, " (loading)"));
  for (const Unloaded& unloaded : unloaded_) {
    holders.push_back(absl::StrCat(unloaded.location.name, " (unloaded, but in use by jobs or requests)"));
  }
  return FieldError(absl::StatusCode::kResourceExhausted, "model",
                    absl::StrCat(QuoteName(name), " does not fit: this server holds at most ", most,
                                 " models (max_loaded_models), and has ", absl::StrJoin(holders, ", "),
                                 "; unload one, or let the jobs that use it end"));
}

std::shared_ptr<const Model> ModelRegistry::FindLoaded(absl::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = loaded_.find(CanonicalModelName(name));
  return found == loaded_.end() ? nullptr : found->second.model;
}

ModelListing ModelRegistry::Listing(const ModelLocator::Location& location) const {
  return {.name = location.name, .aliases = location.aliases, .loaded = FindLoaded(location.name)};
}

absl::StatusOr<ModelListing> ModelRegistry::Get(absl::string_view name) const {
  RETURN_IF_ERROR(ValidateModelName(name));
  // A loaded model is there even if its folder has gone.
  if (auto loaded = FindLoaded(name)) {
    return ModelListing{.name = loaded->name(), .aliases = ModelAliases(loaded->name()), .loaded = loaded};
  }
  ASSIGN_OR_RETURN(const ModelLocator::Location location, locator_.Find(name));
  return Listing(location);
}

std::vector<ModelListing> ModelRegistry::List() const {
  std::map<std::string, ModelListing> listings;
  for (const ModelLocator::Location& location : locator_.List()) listings.emplace(location.name, Listing(location));
  {
    MutexLock lock(mutex_);
    for (const auto& [name, loaded] : loaded_) {
      listings.insert_or_assign(name,
                                ModelListing{.name = name, .aliases = ModelAliases(name), .loaded = loaded.model});
    }
  }
  std::vector<ModelListing> result;
  for (auto& [name, listing] : listings) result.push_back(std::move(listing));
  return result;
}

absl::Status ModelRegistry::Unload(absl::string_view name) {
  RETURN_IF_ERROR(ValidateModelName(name));
  std::shared_ptr<const Model> unloaded;  // dies after the lock is gone: freeing memory takes time
  MutexLock lock(mutex_);
  const auto found = loaded_.find(CanonicalModelName(name));
  if (found == loaded_.end()) {
    return FieldError(absl::StatusCode::kNotFound, "model", absl::StrCat(QuoteName(name), " is not loaded"));
  }
  unloaded = std::move(found->second.model);
  unloaded_.push_back({unloaded, std::move(found->second.location)});
  loaded_.erase(found);
  return absl::OkStatus();
}

}  // namespace circuitd
