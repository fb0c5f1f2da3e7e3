#include "server/model/device.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

std::atomic<bool> cuda_is_loaded = false;

absl::Status NoCuda(DeviceId id, absl::string_view reason) {
  return FieldError(absl::StatusCode::kFailedPrecondition, "device",
                    absl::StrCat(DeviceName(id), " can't be used: ", reason));
}

// LibTorch's folder with a trailing slash; empty, so that the usual search finds the library, if it is not known.
std::string LibTorchFolder() {
  std::string folder;
  if (void* handle = ::dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD); handle != nullptr) {
    const link_map* library = nullptr;
    if (::dlinfo(handle, RTLD_DI_LINKMAP, &library) == 0) {
      const std::string path = library->l_name;
      folder = path.substr(0, path.rfind('/') + 1);
    }
    ::dlclose(handle);
  }
  return folder;
}

// Not linked at start-up: its libraries' thread-local storage would not fit on small threads' stacks, and a server
// without a GPU need not carry them. They stay loaded for good.
absl::Status LoadCuda(DeviceId id) {
  static Mutex mutex;
  MutexLock lock(mutex);
  if (cuda_is_loaded) return absl::OkStatus();
  const std::string library = absl::StrCat(LibTorchFolder(), "libtorch_cuda.so");
  if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = ::dlerror();
    return NoCuda(id, absl::StrCat("LibTorch's CUDA libraries did not load: ", reason != nullptr ? reason : ""));
  }
  cuda_is_loaded = true;
  return absl::OkStatus();
}

// /proc/self/statm has pages: of the address space, then resident ones.
uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  if (!(statm >> all >> resident)) return 0;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t CudaHeldBytes(int index) {
  uint64_t bytes = 0;
  // A device that was not used yet has no statistics, and holds nothing.
  InTorch([&] {
    const auto stats = at::getDeviceAllocator(at::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(index));
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    bytes = static_cast<uint64_t>(stats.reserved_bytes.at(kAll).current);
    return absl::OkStatus();
  }).IgnoreError();
  return bytes;
}

// Zero without a driver or a device.
int CudaDeviceCount() {
  try {
    return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

DeviceDescription DescribeCpu() {
  DeviceDescription cpu{.name = "cpu", .description = "CPU", .memory_bytes = 0};
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      cpu.description = std::string(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
      break;
    }
  }
  absl::StrAppend(&cpu.description, ", ", ::sysconf(_SC_NPROCESSORS_ONLN), " cores");
  cpu.memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  cpu.used_bytes = ResidentBytes();
  return cpu;
}

// Through the driver's C interface, which LibTorch has loaded and whose signatures are fixed; CUDA's headers aren't
// needed for it.
DeviceDescription DescribeCuda(int index) {
  DeviceDescription device{.name = DeviceName({.cuda = true, .index = index}), .description = "CUDA device"};
  device.used_bytes = CudaHeldBytes(index);
  void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (driver == nullptr) return device;
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(::dlsym(driver, "cuDeviceGet"));
  const auto get_name = reinterpret_cast<int (*)(char*, int, int)>(::dlsym(driver, "cuDeviceGetName"));
  const auto total_memory = reinterpret_cast<int (*)(size_t*, int)>(::dlsym(driver, "cuDeviceTotalMem_v2"));
  int handle = 0;
  if (init && get && init(0) == 0 && get(&handle, index) == 0) {
    char name[256];
    if (get_name && get_name(name, sizeof name, handle) == 0) device.description = name;
    size_t bytes = 0;
    if (total_memory && total_memory(&bytes, handle) == 0) device.memory_bytes = bytes;
  }
  ::dlclose(driver);
  return device;
}

}  // namespace

absl::StatusOr<DeviceId> ParseDevice(absl::string_view text) {
  if (text == "cpu") return DeviceId{};
  if (text == "cuda") return DeviceId{.cuda = true, .index = 0};
  absl::string_view digits = text;
  int index = 0;
  // SimpleAtoi alone would take spaces and signs; a device index has at most three digits.
  if (absl::ConsumePrefix(&digits, "cuda:") && !digits.empty() && digits.size() <= 3 &&
      digits.find_first_not_of("0123456789") == absl::string_view::npos && absl::SimpleAtoi(digits, &index)) {
    return DeviceId{.cuda = true, .index = index};
  }
  return InvalidField("device", absl::StrCat(QuoteName(text), ", must be cpu, cuda or cuda:N"));
}

std::string DeviceName(DeviceId id) { return id.cuda ? absl::StrCat("cuda:", id.index) : "cpu"; }

absl::Status PrepareDevice(DeviceId id) {
  if (!id.cuda) return absl::OkStatus();
  RETURN_IF_ERROR(LoadCuda(id));
  const int count = CudaDeviceCount();
  if (count == 0) return NoCuda(id, "this machine has no CUDA device, or no driver for it");
  if (id.index >= count) return NoCuda(id, absl::StrCat("this machine has ", count, " (0-", count - 1, ")"));
  return absl::OkStatus();
}

void ReleaseCachedMemory(absl::string_view device) {
  if (device == "cpu") return;
  // Where it fails the memory is merely kept, as it is without this call.
  InTorch([] {
    at::getDeviceAllocator(at::kCUDA)->emptyCache();
    return absl::OkStatus();
  }).IgnoreError();
}

std::vector<DeviceDescription> DescribeDevices() {
  std::vector<DeviceDescription> devices = {DescribeCpu()};
  if (!cuda_is_loaded) return devices;
  const int count = CudaDeviceCount();
  for (int index = 0; index < count; ++index) devices.push_back(DescribeCuda(index));
  return devices;
}

}  // namespace circuitd
