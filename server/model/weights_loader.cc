#include "server/model/weights_loader.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// Elements that a thread reads at once: big enough for the system calls, small enough to be still in the cache when
// they are checked and converted.
constexpr int64_t kBlockElements = int64_t{1} << 18;

bool IsFinite(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7F80'0000u) != 0x7F80'0000u;
}
bool IsFinite(at::Half value) { return (value.x & 0x7C00u) != 0x7C00u; }
bool IsFinite(at::BFloat16 value) { return (value.x & 0x7F80u) != 0x7F80u; }

template <typename T>
bool AllFinite(const T* values, int64_t count) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) finite &= IsFinite(values[i]);
  return finite;
}

// One tensor to fill, or one that holds already what its source must repeat: where it lies, and its contiguous memory
// on the host.
struct Target {
  WeightSource source;
  at::Tensor tensor;
  bool only_compare = false;
};

absl::Status TensorError(const WeightSource& source, absl::string_view description) {
  return absl::FailedPreconditionError(
      absl::StrCat(source.file->label(), ": tensor ", QuoteName(*source.name), ": ", description));
}

// Reads elements [begin, begin + count) of a tensor that is `From` in its file into `to`.
template <typename From, typename To>
absl::Status ReadElements(const WeightSource& source, int64_t begin, int64_t count, To* to, std::vector<char>& buffer) {
  const int64_t bytes = count * static_cast<int64_t>(sizeof(From));
  const auto read = [&](char* into) {
    return source.file->ReadBytes(*source.entry, begin * static_cast<int64_t>(sizeof(From)), bytes, into);
  };
  if constexpr (std::is_same_v<From, To>) {
    RETURN_IF_ERROR(read(reinterpret_cast<char*>(to)));
  } else {
    buffer.resize(static_cast<size_t>(bytes));
    RETURN_IF_ERROR(read(buffer.data()));
    const From* const from = reinterpret_cast<const From*>(buffer.data());
    if (!AllFinite(from, count)) return TensorError(source, "a value is NaN or infinite");
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(static_cast<float>(from[i]));
  }
  if (AllFinite(to, count)) return absl::OkStatus();
  return TensorError(source, std::is_same_v<From, To> ? "a value is NaN or infinite"
                                                      : absl::StrCat("a value is too large for ",
                                                                     c10::toString(c10::CppTypeToScalarType<To>())));
}

// One block of a target that is `From` in its file and `To` in memory.
template <typename From, typename To>
absl::Status ReadBlock(const Target& target, int64_t begin, int64_t count, std::vector<char>& buffer) {
  To* const to = static_cast<To*>(target.tensor.data_ptr()) + begin;
  if (!target.only_compare) return ReadElements<From>(target.source, begin, count, to, buffer);
  std::vector<To> repeated(static_cast<size_t>(count));
  RETURN_IF_ERROR(ReadElements<From>(target.source, begin, count, repeated.data(), buffer));
  if (std::equal(repeated.begin(), repeated.end(), to)) return absl::OkStatus();
  return TensorError(target.source,
                     "differs from the token embedding, though config.json's tie_word_embeddings is true");
}

template <typename From>
absl::Status ReadBlockFrom(const Target& target, int64_t begin, int64_t count, std::vector<char>& buffer) {
  switch (target.tensor.scalar_type()) {
    case at::kHalf:
      return ReadBlock<From, at::Half>(target, begin, count, buffer);
    case at::kBFloat16:
      return ReadBlock<From, at::BFloat16>(target, begin, count, buffer);
    default:
      return ReadBlock<From, float>(target, begin, count, buffer);
  }
}

absl::Status ReadAnyBlock(const Target& target, int64_t begin, int64_t count, std::vector<char>& buffer) {
  switch (target.source.dtype) {
    case DType::kFloat16:
      return ReadBlockFrom<at::Half>(target, begin, count, buffer);
    case DType::kBFloat16:
      return ReadBlockFrom<at::BFloat16>(target, begin, count, buffer);
    default:
      return ReadBlockFrom<float>(target, begin, count, buffer);
  }
}

// Reads all targets. Threads take blocks in order, and the error of the first bad block is the result, so that it does
// not depend on their speed.
absl::Status ReadTargets(const std::vector<Target>& targets) {
  struct Block {
    const Target* target;
    int64_t begin, count;
  };
  std::vector<Block> blocks;
  for (const Target& target : targets) {
    for (int64_t begin = 0; begin < target.tensor.numel(); begin += kBlockElements) {
      blocks.push_back({&target, begin, std::min(kBlockElements, target.tensor.numel() - begin)});
    }
  }
  std::atomic<size_t> next = 0;
  Mutex mutex;
  size_t bad_block = blocks.size();
  absl::Status status;
  const auto work = [&] {
    std::vector<char> buffer;
    for (size_t i; (i = next++) < blocks.size();) {
      const Block& block = blocks[i];
      const absl::Status read = InTorch([&] { return ReadAnyBlock(*block.target, block.begin, block.count, buffer); });
      if (read.ok()) continue;
      next = blocks.size();
      MutexLock lock(mutex);
      if (i < bad_block) {
        bad_block = i;
        status = read;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const unsigned count = std::clamp(std::thread::hardware_concurrency(), 2u, 8u);
    for (unsigned i = 1; i < count; ++i) threads.emplace_back(work);
    work();
  }
  return status;
}

// A file may claim any size where the file system has holes: refused before the system kills somebody for it.
absl::Status CheckMemory(const std::vector<WeightSource>& sources, at::ScalarType dtype) {
  int64_t bytes = 0;
  for (const WeightSource& source : sources) {
    bytes += source.entry->size / DTypeSize(source.dtype) * static_cast<int64_t>(c10::elementSize(dtype));
  }
  const int64_t memory = int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  if (bytes <= memory) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the weights need ", bytes, " bytes as ", c10::toString(dtype), ", this machine has ", memory));
}

// The tensors of `weights` in the order of Gpt2WeightSpecs.
std::vector<at::Tensor*> Slots(Gpt2Weights& weights, bool tied) {
  std::vector<at::Tensor*> slots = {&weights.embed, &weights.pos_embed};
  for (BlockWeights& block : weights.blocks) {
    slots.insert(slots.end(), {&block.ln1_weight, &block.ln1_bias, &block.attn_weight, &block.attn_bias,
                               &block.o_weight, &block.o_bias, &block.ln2_weight, &block.ln2_bias, &block.in_weight,
                               &block.in_bias, &block.out_weight, &block.out_bias});
  }
  slots.insert(slots.end(), {&weights.ln_final_weight, &weights.ln_final_bias});
  if (!tied) slots.push_back(&weights.unembed);
  return slots;
}

}  // namespace

absl::StatusOr<Gpt2Weights> LoadGpt2Weights(const WeightFiles& files, const ModelConfig& config, at::Device device,
                                            at::ScalarType dtype) {
  const auto load = [&]() -> absl::StatusOr<Gpt2Weights> {
    ASSIGN_OR_RETURN(const WeightSources sources, FindWeights(config, files));
    RETURN_IF_ERROR(CheckMemory(sources.tensors, dtype));

    // On the host, whatever `device` is: reading and comparing run no kernel on a GPU.
    const at::TensorOptions on_host = at::TensorOptions().dtype(dtype).device(at::kCPU);
    std::vector<Target> targets;
    for (const WeightSource& source : sources.tensors) {
      targets.push_back({source, at::empty(source.entry->shape, on_host), /*only_compare=*/false});
    }
    RETURN_IF_ERROR(ReadTargets(targets));
    if (sources.tied_unembed) {
      // Block by block, so that memory never holds the embedding twice.
      RETURN_IF_ERROR(ReadTargets({{*sources.tied_unembed, targets.front().tensor, /*only_compare=*/true}}));
    }

    Gpt2Weights weights;
    weights.blocks.resize(static_cast<size_t>(config.n_layers));
    const std::vector<at::Tensor*> slots = Slots(weights, config.tie_word_embeddings);
    for (size_t i = 0; i < slots.size(); ++i) {
      // All that is done with a GPU outside its worker: a contiguous copy without conversion, which is a transfer, not
      // a kernel, and is over when to() returns. The host's copy of each tensor goes as soon as it is there.
      *slots[i] = std::exchange(targets[i].tensor, {}).to(device);
    }
    if (config.tie_word_embeddings) weights.unembed = weights.embed;
    return weights;
  };
  // Weights outlive the mode that they are read in, and gradients of later runs need them saved.
  return InTorchWithAutograd(load);
}

}  // namespace circuitd
