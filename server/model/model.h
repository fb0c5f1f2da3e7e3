// A loaded model: configuration, tokenizer and network, with what identifies it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/config.h"
#include "server/model/host_tensor.h"
#include "server/model/tokenizer.h"

namespace circuitd {

class Fingerprint;
class Gpt2;

// Immutable and thread-safe, but for running the network, which the device's one worker does.
class Model {
 public:
  Model(std::string name, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer, std::unique_ptr<Gpt2> network,
        std::shared_ptr<Fingerprint> fingerprint, std::string device, DType dtype);
  ~Model();

  const std::string& name() const { return name_; }
  const ModelConfig& config() const { return config_; }
  // Null for a folder without tokenizer files.
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }
  const Gpt2& network() const { return *network_; }
  // "cpu", "cuda:0".
  const std::string& device() const { return cache_release_.device; }
  DType dtype() const { return dtype_; }
  int64_t parameter_count() const;

  // Of config, weights and tokenizer files together. Waits until it is computed; an error if the files changed or
  // vanished since they were loaded.
  absl::StatusOr<std::string> Sha256() const;
  // The same without waiting: empty while it is not known.
  std::string Sha256IfKnown() const;

 private:
  // Goes after the network: what that held is free by then.
  struct CacheRelease {
    const std::string device;
    ~CacheRelease();
  };

  const std::string name_;
  const ModelConfig config_;
  const std::unique_ptr<Tokenizer> tokenizer_;
  const CacheRelease cache_release_;
  const std::unique_ptr<Gpt2> network_;
  const std::shared_ptr<Fingerprint> fingerprint_;

  const DType dtype_;
};

}  // namespace circuitd
