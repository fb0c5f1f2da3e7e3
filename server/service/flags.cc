#include "server/service/flags.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

#include "server/model/model_name.h"
#include "server/service/count_flag.h"
#include "server/service/job_flags.h"
#include "server/service/version.h"

namespace circuitd {
namespace {

constexpr int kUsageError = 2;

constexpr char kDescription[] =
    R"(circuitd holds GPT-2 models on a device and answers circuit-analysis requests over gRPC.
Clients name models; where they lie is said here.

  circuitd --model demo=models/seqcont-demo
  circuitd --model-repository /srv/models --load gpt2 --device cuda
  circuitd --address 127.0.0.1:0 --port-file /run/circuitd.ports)";

constexpr char kFooter[] =
    R"(Sizes are bytes, or have a unit: 512MiB, 2GB. Ports may be 0: the kernel picks one.
SIGTERM and SIGINT drain: no new jobs, running calls finish, a running job has --drain-timeout to end. A second signal
ends the server at once. Jobs that have not ended go on when a server is started with the same --data-dir, also after a
crash.)";

// "NAME=FOLDER" to the locator's map; the error as CLI11 wants it.
std::string AddFolder(const std::string& flag, std::map<std::string, std::string>& folders) {
  const size_t equals = flag.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == flag.size()) return flag + ": must be NAME=FOLDER";
  const std::string name = flag.substr(0, equals), folder = flag.substr(equals + 1);
  if (const absl::Status status = ValidateModelName(name); !status.ok()) return std::string(status.message());
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return folder + ": no such folder";
  if (!folders.emplace(name, folder).second) return name + ": that name is there twice";
  return "";
}

// "64MiB"; the defaults are whole MiB.
std::string SizeText(int64_t bytes) {
  constexpr int64_t kMiB = int64_t{1} << 20;
  const int64_t mib = bytes / kMiB;
  return mib % 1024 == 0 ? std::to_string(mib / 1024) + "GiB" : std::to_string(mib) + "MiB";
}

void AddSize(CLI::App& app, const std::string& flag, int64_t& value, const std::string& help,
             const std::string& group) {
  app.add_option(flag, value, help)
      ->transform(CLI::AsSizeValue(true).description(""))
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()).description(""))
      ->type_name("SIZE")
      ->default_str(SizeText(value))
      ->group(group);
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  ParsedFlags parsed;
  ServerOptions& options = parsed.options;
  CLI::App app(kDescription, "circuitd");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("circuitd ") + kVersion, "Print the version and exit");
  app.get_formatter()->column_width(38);

  std::vector<std::string> folders;
  std::string cache = "on";
  double drain_seconds = absl::ToDoubleSeconds(options.drain_timeout);
  double idle_seconds = absl::ToDoubleSeconds(options.stream_idle_timeout);
  std::string log_format = "text";

  const std::string listening = "Listening";
  app.add_option("--address", options.address,
                 "Where gRPC is served; there is no authentication, so keep it on loopback")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->group(listening);
  app.add_option("--metrics-address", options.metrics_address,
                 "Where Prometheus finds /metrics over HTTP; \"\" switches it off")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->group(listening);
  app.add_option("--port-file", options.port_file,
                 "Written when the server is ready: a line with the gRPC port, one with the metrics port")
      ->type_name("FILE")
      ->group(listening);

  const std::string models = "Models";
  app.add_option("--model", folders, "A model's folder in Hugging Face's layout, and its name; repeatable")
      ->type_name("NAME=FOLDER")
      ->allow_extra_args(false)
      ->group(models);
  app.add_option("--model-repository", options.models.locations.repositories,
                 "A folder of model folders, named after them; repeatable")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->check(CLI::Validator(CLI::ExistingDirectory).description(""))
      ->group(models);
  app.add_option("--hugging-face-cache", cache,
                 "Whether models of Hugging Face's cache (HF_HUB_CACHE, HF_HOME) are served")
      ->check(CLI::IsMember({"on", "off"}).description(""))
      ->type_name("on|off")
      ->capture_default_str()
      ->group(models);
  app.add_option("--load", options.load, "A model to load before serving; others are loaded when asked for; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(models);
  AddCount(app, "--max-loaded-models", options.models.max_loaded_models, "Models in memory at once", models);

  const std::string compute = "Computing";
  app.add_option("--device", options.models.default_device, "Where models go whose clients name no device")
      ->type_name("cpu|cuda[:N]")
      ->capture_default_str()
      ->group(compute);
  app.add_option("--threads", options.threads, "CPU threads of a forward pass; 0: one a core")
      ->check(CLI::Range(0, 4096).description(""))
      ->type_name("N")
      ->capture_default_str()
      ->group(compute);
  AddSize(app, "--memory-budget", options.memory_budget_bytes,
          "Memory for the activations of a request or job, and for copies of weights that make it faster; it works in "
          "batches that fit",
          compute);

  JobFlags jobs;
  jobs.AddTo(app, options);

  const std::string limits = "Limits";
  AddCount(app, "--max-queued-calls", options.max_queued_calls, "Calls that wait for a device; more are refused",
           limits);
  AddCount(app, "--max-prompts-per-request", options.max_prompts_per_request, "Prompts of one call", limits);
  AddSize(app, "--max-message-bytes", options.max_message_bytes, "Largest request message", limits);
  AddSize(app, "--max-reply-bytes", options.max_reply_bytes, "Tensors that one call streams", limits);
  AddSize(app, "--max-dataset-bytes", options.max_dataset_bytes, "Largest prompt file", limits);
  AddSize(app, "--max-stored-dataset-bytes", options.max_stored_dataset_bytes, "All prompt files together", limits);

  const std::string running = "Running";
  app.add_option("--drain-timeout", drain_seconds,
                 "Seconds that a running job has to end after SIGTERM; then it goes on at the next start")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(running);
  app.add_option("--stream-idle-timeout", idle_seconds,
                 "Seconds after which a call ends whose client neither reads what is written nor sends what is due")
      ->check(CLI::Range(0.001, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(running);
  app.add_option("--log-level", options.log_level, "What is logged to stderr; debug has a line for each RPC")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}).description(""))
      ->type_name("debug|info|warning|error")
      ->capture_default_str()
      ->group(running);
  app.add_option("--log-format", log_format, "How lines are written")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->type_name("text|json")
      ->capture_default_str()
      ->group(running);

  try {
    app.parse(argc, argv);
    for (const std::string& flag : folders) {
      const std::string error = AddFolder(flag, options.models.locations.folders);
      if (!error.empty()) throw CLI::ValidationError("--model", error);
    }
    const absl::Status status = jobs.Apply(options);
    if (!status.ok()) throw CLI::ValidationError(std::string(status.message()));
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : kUsageError;
    return parsed;
  }
  if (cache == "on") options.models.locations.hugging_face_caches = ModelLocator::HuggingFaceCachesFromEnvironment();
  options.drain_timeout = absl::Seconds(drain_seconds);
  options.stream_idle_timeout = absl::Seconds(idle_seconds);
  options.log_format = log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return parsed;
}

}  // namespace circuitd
