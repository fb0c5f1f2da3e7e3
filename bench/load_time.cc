// Times the loading of a model into a fresh process, and counts the memory that it takes: prints one line of JSON.
//
//   make_inputs --shape gpt2 --model build/gpt2-random && load_time --model build/gpt2-random
//
// Once a process: what an earlier model leaves to the allocator would not be counted again. The files come from the
// page cache if they were just written or read.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"
#include "bench/measure.h"
#include "server/model/registry.h"

namespace circuitd {
namespace {

int64_t WeightFileBytes(const std::string& folder) {
  int64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

absl::Status Measure(const std::string& folder, DType dtype) {
  ModelRegistry::Options options;
  options.locations.folders = {{"model", folder}};
  ModelRegistry registry(options);
  const int64_t before = ResidentBytes();
  Stopwatch watch;
  ASSIGN_OR_RETURN(const auto model, registry.Load("model", {"cpu", dtype}));
  const double load_seconds = watch.wall_seconds();
  const int64_t held = ResidentBytes() - before, peak = PeakResidentBytes() - before;
  watch.Restart();
  RETURN_IF_ERROR(model->Sha256().status());
  const nlohmann::json line = {{"dtype", std::string(DTypeName(dtype))},
                               {"load_seconds", load_seconds},
                               {"fingerprint_seconds", watch.wall_seconds()},
                               {"weight_file_bytes", WeightFileBytes(folder)},
                               {"parameter_bytes", model->parameter_count() * DTypeSize(dtype)},
                               {"resident_bytes", held},
                               {"peak_resident_bytes", peak}};
  std::printf("%s\n", line.dump().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  std::string folder, dtype = "float32";
  CLI::App app("Times the loading of a model.");
  app.option_defaults()->always_capture_default();
  app.add_option("--model", folder, "The model's folder")->required()->check(CLI::ExistingDirectory);
  app.add_option("--dtype", dtype, "What it is loaded as")->check(CLI::IsMember({"float32", "float16"}));
  CLI11_PARSE(app, argc, argv);
  const circuitd::DType type = dtype == "float16" ? circuitd::DType::kFloat16 : circuitd::DType::kFloat32;
  if (const absl::Status status = circuitd::Measure(folder, type); !status.ok()) {
    std::fprintf(stderr, "load_time: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
