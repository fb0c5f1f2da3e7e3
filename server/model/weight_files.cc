#include "server/model/weight_files.h"

#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/strict_json.h"

namespace circuitd {
namespace {

using nlohmann::json;

constexpr absl::string_view kSingleFile = "model.safetensors";
constexpr absl::string_view kIndexFile = "model.safetensors.index.json";
constexpr int64_t kMaxIndexBytes = 16'000'000;
constexpr size_t kMaxShards = 1000;
constexpr std::string_view kNotInNames("/\\\0", 3);

template <typename... Parts>
absl::Status Refused(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

bool Exists(const std::string& folder, absl::string_view name) {
  std::error_code error;
  // Something that is no file is there too: opening it says what is wrong with it.
  return std::filesystem::exists(std::filesystem::symlink_status(absl::StrCat(folder, "/", name), error));
}

// Says what a folder without safetensors has instead.
absl::Status NoWeights(const std::string& folder) {
  std::error_code error;
  std::set<std::string> pickled, foreign;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    for (const char* suffix : {".bin", ".pt", ".pth", ".ckpt", ".pkl"}) {
      if (absl::EndsWith(name, suffix)) pickled.insert(name);
    }
    for (const char* suffix : {".h5", ".msgpack", ".onnx", ".gguf", ".ot"}) {
      if (absl::EndsWith(name, suffix)) foreign.insert(name);
    }
  }
  if (!pickled.empty()) {
    return Refused(QuoteName(*pickled.begin()),
                   " holds pickled weights, which can run code when they are read and are not accepted; convert them "
                   "where you trust them: python -c \"from transformers import GPT2LMHeadModel as M; "
                   "M.from_pretrained('FOLDER').save_pretrained('FOLDER', safe_serialization=True)\"");
  }
  return Refused(kSingleFile, " is not there, nor is ", kIndexFile, " with its shards; one of them is needed",
                 foreign.empty() ? "" : absl::StrCat(" (", QuoteName(*foreign.begin()), " is of no use here)"));
}

// Tensor name to shard name.
absl::StatusOr<std::map<std::string, std::string>> ReadIndex(const std::string& folder, FileStamp& stamp) {
  ASSIGN_OR_RETURN(const InputFile file,
                   InputFile::Open(absl::StrCat(folder, "/", kIndexFile), std::string(kIndexFile)));
  stamp = file.stamp();
  ASSIGN_OR_RETURN(const std::string text, file.ReadAll(kMaxIndexBytes));
  ASSIGN_OR_RETURN(const json index, ParseStrictJson(text, kIndexFile));
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return Refused(kIndexFile, ": weight_map is missing or not an object");
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [tensor, value] : index["weight_map"].items()) {
    const std::string* shard = value.get_ptr<const std::string*>();
    // Also keeps shards inside the folder.
    if (shard == nullptr || !absl::EndsWith(*shard, ".safetensors") || shard->front() == '.' ||
        shard->find_first_of(kNotInNames) != std::string::npos) {
      return Refused(kIndexFile, ": weight_map[", QuoteName(tensor), "] is ", ShowJson(value),
                     ", must be the name of a .safetensors file in the same folder");
    }
    shard_of.emplace(tensor, *shard);
  }
  if (shard_of.empty()) return Refused(kIndexFile, ": weight_map is empty");
  return shard_of;
}

absl::Status AddFile(const std::string& folder, const std::string& name, WeightFiles& result) {
  ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(absl::StrCat(folder, "/", name), name));
  result.names.emplace_back(name, file.stamp());
  result.files.push_back(std::move(file));
  return absl::OkStatus();
}

absl::StatusOr<WeightFiles> OpenShards(const std::string& folder) {
  WeightFiles result;
  FileStamp index_stamp;
  ASSIGN_OR_RETURN(const auto shard_of, ReadIndex(folder, index_stamp));
  result.names.emplace_back(std::string(kIndexFile), index_stamp);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  if (shards.size() > kMaxShards) {
    return Refused(kIndexFile, ": weight_map names ", shards.size(), " files, at most ", kMaxShards, " are accepted");
  }
  for (const std::string& shard : shards) RETURN_IF_ERROR(AddFile(folder, shard, result));
  std::map<std::string, const SafetensorsFile*> file_of;
  for (const SafetensorsFile& file : result.files) file_of.emplace(file.label(), &file);
  for (const auto& [tensor, shard] : shard_of) {
    if (!file_of[shard]->tensors().contains(tensor)) {
      return Refused(shard, ": tensor ", QuoteName(tensor), " is missing, though ", kIndexFile, " says it is here");
    }
  }
  for (const SafetensorsFile& file : result.files) {
    for (const auto& [tensor, entry] : file.tensors()) {
      const auto found = shard_of.find(tensor);
      if (found == shard_of.end() || found->second != file.label()) {
        return Refused(file.label(), ": tensor ", QuoteName(tensor), " is here, though ", kIndexFile,
                       " does not say so");
      }
    }
  }
  return result;
}

// "h.3.attn.bias" and "h.3.attn.masked_bias": the causal mask, which is no parameter.
std::set<std::string> LegacyBuffers(int n_layers) {
  std::set<std::string> names;
  for (int layer = 0; layer < n_layers; ++layer) {
    for (const char* buffer : {"bias", "masked_bias"}) names.insert(absl::StrCat("h.", layer, ".attn.", buffer));
  }
  return names;
}

absl::StatusOr<WeightSource> CheckedSource(const SafetensorsFile& file, const std::string& name,
                                           const SafetensorsEntry& entry, const std::vector<int64_t>& shape) {
  if (entry.shape != shape) {
    return Refused(file.label(), ": tensor ", QuoteName(name), ": shape ", ShowShape(entry.shape),
                   ", config.json asks for ", ShowShape(shape));
  }
  const auto dtype = DTypeFromSafetensors(entry.dtype);
  if (!dtype || *dtype == DType::kInt64) {
    return Refused(file.label(), ": tensor ", QuoteName(name), ": dtype ", entry.dtype, ", must be F32, F16 or BF16");
  }
  return WeightSource{.file = &file, .name = &name, .entry = &entry, .dtype = *dtype};
}

}  // namespace

absl::StatusOr<WeightFiles> OpenWeightFiles(const std::string& folder) {
  if (Exists(folder, kSingleFile)) {
    WeightFiles result;
    RETURN_IF_ERROR(AddFile(folder, std::string(kSingleFile), result));
    return result;
  }
  if (Exists(folder, kIndexFile)) return OpenShards(folder);
  return NoWeights(folder);
}

std::vector<WeightSpec> Gpt2WeightSpecs(const ModelConfig& config) {
  const int64_t d_model = config.d_model, d_mlp = config.d_mlp;
  std::vector<WeightSpec> specs = {{"wte.weight", {config.d_vocab, d_model}}, {"wpe.weight", {config.n_ctx, d_model}}};
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const auto add = [&](absl::string_view name, std::vector<int64_t> shape) {
      specs.push_back({absl::StrCat("h.", layer, ".", name), std::move(shape)});
    };
    add("ln_1.weight", {d_model});
    add("ln_1.bias", {d_model});
    add("attn.c_attn.weight", {d_model, 3 * d_model});
    add("attn.c_attn.bias", {3 * d_model});
    add("attn.c_proj.weight", {d_model, d_model});
    add("attn.c_proj.bias", {d_model});
    add("ln_2.weight", {d_model});
    add("ln_2.bias", {d_model});
    add("mlp.c_fc.weight", {d_model, d_mlp});
    add("mlp.c_fc.bias", {d_mlp});
    add("mlp.c_proj.weight", {d_mlp, d_model});
    add("mlp.c_proj.bias", {d_model});
  }
  specs.push_back({"ln_f.weight", {d_model}});
  specs.push_back({"ln_f.bias", {d_model}});
  if (!config.tie_word_embeddings) specs.push_back({"lm_head.weight", {config.d_vocab, d_model}});
  return specs;
}

absl::StatusOr<WeightSources> FindWeights(const ModelConfig& config, const WeightFiles& files) {
  const std::vector<WeightSpec> specs = Gpt2WeightSpecs(config);
  std::map<std::string, size_t> index_of;
  for (size_t i = 0; i < specs.size(); ++i) index_of.emplace(specs[i].name, i);

  const std::set<std::string> legacy_buffers = LegacyBuffers(config.n_layers);
  WeightSources result;
  result.tensors.resize(specs.size());
  for (const SafetensorsFile& file : files.files) {
    for (const auto& [name, entry] : file.tensors()) {
      const std::string plain(absl::StripPrefix(name, "transformer."));
      if (legacy_buffers.contains(plain)) continue;
      // transformers never puts the prefix before lm_head.
      const bool is_lm_head = name == "lm_head.weight";
      if (is_lm_head && config.tie_word_embeddings) {
        ASSIGN_OR_RETURN(result.tied_unembed, CheckedSource(file, name, entry, specs[0].shape));
        continue;
      }
      const auto found = index_of.find(plain);
      if (found == index_of.end() || (plain == "lm_head.weight" && !is_lm_head)) {
        return Refused(file.label(), ": tensor ", QuoteName(name), " does not belong to a GPT-2 of ", config.n_layers,
                       " layers");
      }
      WeightSource& source = result.tensors[found->second];
      if (source.file != nullptr) {
        return Refused(file.label(), ": tensor ", QuoteName(name), " is there twice, as ", QuoteName(*source.name),
                       " in ", source.file->label(), " too");
      }
      ASSIGN_OR_RETURN(source, CheckedSource(file, name, entry, specs[found->second].shape));
    }
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    if (result.tensors[i].file == nullptr) {
      const bool untied_head = specs[i].name == "lm_head.weight";
      return Refused(files.names.front().first, ": tensor ", QuoteName(specs[i].name), " is missing",
                     untied_head ? ", and config.json's tie_word_embeddings is false" : "");
    }
  }
  return result;
}

}  // namespace circuitd
