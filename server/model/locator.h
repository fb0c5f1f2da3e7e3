// Finds a model's folder by its name: named folders, a model repository, Hugging Face's cache.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/input_file.h"

namespace circuitd {

// Immutable; reads the file system at each call. A resolved path stays inside the configured roots, the Hugging Face
// cache's own links into its blobs folder included.
class ModelLocator {
 public:
  struct Options {
    // Name to folder.
    std::map<std::string, std::string> folders = {};
    // Folders of folders: each with a config.json is a model of that name ("NAME" or "ORG/NAME").
    std::vector<std::string> repositories = {};
    // Hugging Face cache folders, that hold models--ORG--NAME/snapshots/….
    std::vector<std::string> hugging_face_caches = {};
  };
  // The cache that HF_HUB_CACHE names, else "hub" in HF_HOME's folder, else huggingface/hub in XDG_CACHE_HOME or
  // ~/.cache, if it exists. Source: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
  static std::vector<std::string> HuggingFaceCachesFromEnvironment();

  struct Location {
    std::string name;  // the canonical name: "gpt2" for all of its aliases
    std::vector<std::string> aliases;
    std::string folder;
    // The files that loading may read, by name, as they were when the folder was looked at.
    std::map<std::string, FileStamp> files = {};

    friend bool operator==(const Location&, const Location&) = default;
  };

  explicit ModelLocator(Options options);

  // INVALID_ARGUMENT as ValidateModelName (model_name.h); NOT_FOUND, listing the names there are, for one that no root
  // has; FAILED_PRECONDITION, naming the file, if one of the model's files is a link that leads out of its root or is
  // not a regular file. All are about the field "model".
  absl::StatusOr<Location> Find(absl::string_view name) const;

  // What Find would find. Sorted by name, each name once; folders win over repositories, and those over caches.
  std::vector<Location> List() const;

 private:
  const Options options_;
};

}  // namespace circuitd
