#include "server/model/model_loader.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/input_file.h"
#include "server/model/quote.h"
#include "server/model/tokenizer_files.h"
#include "server/model/torch_border.h"
#include "server/model/weight_files.h"
#include "server/model/weights_loader.h"

namespace circuitd {
namespace {

constexpr int64_t kMaxConfigBytes = 1'000'000;

at::ScalarType TorchDType(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return at::kHalf;
    case DType::kBFloat16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

// What a folder's files were when loading began to read them.
class FileList {
 public:
  explicit FileList(const std::string& folder) : folder_(folder) {}

  void Add(const std::string& name, const FileStamp& stamp) {
    files_.push_back({name, absl::StrCat(folder_, "/", name), stamp});
  }

  absl::Status AddIfThere(const std::string& name) {
    std::error_code error;
    if (!std::filesystem::exists(absl::StrCat(folder_, "/", name), error)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const FileStamp stamp, StampFile(absl::StrCat(folder_, "/", name), name));
    Add(name, stamp);
    return absl::OkStatus();
  }

  absl::Status CheckUnchanged() const {
    for (const FingerprintFile& file : files_) {
      ASSIGN_OR_RETURN(const FileStamp stamp, StampFile(file.path, file.name));
      if (stamp != file.stamp) {
        return absl::FailedPreconditionError(absl::StrCat(file.name, ": changed while it was loaded"));
      }
    }
    return absl::OkStatus();
  }

  const std::vector<FingerprintFile>& files() const { return files_; }

 private:
  const std::string folder_;
  std::vector<FingerprintFile> files_;
};

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& folder) {
  auto tokenizer = Tokenizer::Load(folder);
  if (absl::IsNotFound(tokenizer.status())) return nullptr;
  return tokenizer;
}

absl::StatusOr<std::shared_ptr<const Model>> LoadFolder(const ModelLocator::Location& location, DeviceId device,
                                                        DType dtype, const std::shared_ptr<FileHashCache>& hashes) {
  const std::string& folder = location.folder;
  FileList list(folder);
  ASSIGN_OR_RETURN(const InputFile config_file, InputFile::Open(absl::StrCat(folder, "/config.json"), "config.json"));
  list.Add("config.json", config_file.stamp());
  ASSIGN_OR_RETURN(const std::string config_text, config_file.ReadAll(kMaxConfigBytes));
  ASSIGN_OR_RETURN(const ModelConfig config, ParseModelConfig(config_text));

  for (const std::string& name : TokenizerFileNames()) RETURN_IF_ERROR(list.AddIfThere(name));
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadTokenizer(folder));

  ASSIGN_OR_RETURN(const WeightFiles weight_files, OpenWeightFiles(folder));
  for (const auto& [name, stamp] : weight_files.names) list.Add(name, stamp);
  const at::Device torch_device =
      device.cuda ? at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device.index)) : at::Device(at::kCPU);
  ASSIGN_OR_RETURN(Gpt2Weights weights, LoadGpt2Weights(weight_files, config, torch_device, TorchDType(dtype)));
  RETURN_IF_ERROR(list.CheckUnchanged());

  return std::make_shared<const Model>(location.name, config, std::move(tokenizer),
                                       std::make_unique<Gpt2>(config, std::move(weights)),
                                       std::make_shared<Fingerprint>(list.files(), hashes), DeviceName(device), dtype);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> LoadModel(const ModelLocator::Location& location, DeviceId device,
                                                       DType dtype, const std::shared_ptr<FileHashCache>& hashes) {
  RETURN_IF_ERROR(PrepareDevice(device));
  auto model = InTorch([&] { return LoadFolder(location, device, dtype, hashes); });
  if (model.ok()) return model;
  return FieldError(model.status().code(), "model",
                    absl::StrCat(QuoteName(location.name), ": ", model.status().message()));
}

}  // namespace circuitd
