#include "client/cli/top_sections.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/busy_share.h"
#include "client/cli/job_kind.h"
#include "client/cli/model_text.h"
#include "client/cli/progress.h"
#include "client/cli/proto_duration.h"
#include "client/cli/queue_text.h"
#include "client/cli/step_rate.h"
#include "client/cli/summary.h"
#include "client/cli/text.h"
#include "client/tensor_order.h"

namespace circuitd::client {
namespace {

// From here on a bar has the colour of what runs out.
constexpr double kNearlyFull = 0.9;
// Columns in which it can be read why a job stands still.
constexpr size_t kStuckNote = 27;

// Colours of the scales that stand out on dark and on light terminals.
Rgb Calm() { return ColourOf(ColourScale::kSequential, {0, 1}, 0.625); }
Rgb Alarm() { return ColourOf(ColourScale::kDiverging, {0, 1}, 0.875); }

std::string ShortName(const std::string& job) { return std::string(absl::StripPrefix(job, "jobs/")); }

bool IsShown(const TopState& state, const v1::Job& job) { return !state.own_only || job.owner() == state.user; }

size_t CountShown(const TopState& state, const std::vector<v1::Job>& jobs) {
  return static_cast<size_t>(
      std::count_if(jobs.begin(), jobs.end(), [&](const v1::Job& job) { return IsShown(state, job); }));
}

std::string Heading(const char* name, size_t count) { return absl::StrCat(name, " ", count); }

FittedCell MemoryCell(const v1::Device& device) {
  if (device.used_memory_bytes() == 0 || device.memory_bytes() == 0) return {ByteSize(device.memory_bytes())};
  const double share = static_cast<double>(device.used_memory_bytes()) / static_cast<double>(device.memory_bytes());
  return {absl::StrCat(ByteSize(device.used_memory_bytes()), " of ", ByteSize(device.memory_bytes())), share,
          share < kNearlyFull ? Calm() : Alarm()};
}

FittedCell BusyCell(const TopState& state, const v1::Device& device) {
  const auto share = BusyShare(state.before, state.snapshot.info, device);
  if (!share) return {"-"};
  // Busy is what a device is there for: no alarm.
  return {absl::StrFormat("%3.0f %%", 100 * *share), share, Calm()};
}

TopSection Devices(const TopState& state) {
  FittedTable table({{"DEVICE", 0, 9},
                     {"MEMORY", 0, 7},
                     {"BUSY", 0, 8},
                     {"CALLS", 0, 5, true},
                     {"WAIT", 0, 6, true},
                     {"JOB", 0, 1},
                     {"DESCRIPTION", 8, 4}});
  for (const v1::Device& device : state.snapshot.info.devices()) {
    const std::string job = ShortName(device.running_job());
    table.Add({{device.name()},
               MemoryCell(device),
               BusyCell(state, device),
               {absl::StrCat(device.running_calls())},
               {absl::StrCat(device.waiting_calls()),
                {},
                device.waiting_calls() > 0 ? std::optional<Rgb>(Alarm()) : std::nullopt},
               {job.empty() ? "-" : job},
               {device.description()}});
  }
  return {std::move(table), "The server names no device", 4, 0};
}

TopSection Models(const TopState& state) {
  FittedTable table({{Heading("MODELS", state.snapshot.models.size()), 8, 9},
                     {"LAYERS x HEADS x WIDTH", 0, 5},
                     {"DTYPE", 0, 4},
                     {"SIZE", 0, 6, true},
                     {"DEVICE", 0, 3}});
  for (const v1::Model& model : state.snapshot.models) {
    const v1::ModelConfig& config = model.config();
    const uint64_t bytes = model.parameter_count() * ElementBytes(model.data_type()).value_or(0);
    table.Add({{model.name()},
               {absl::StrCat(config.n_layers(), " x ", config.n_heads(), " x ", config.d_model())},
               {DataTypeName(model.data_type())},
               {bytes > 0 ? ByteSize(bytes) : ""},
               {model.device()}});
  }
  return {std::move(table), "No model is loaded", 2, 3};
}

// Why its progress stands still; empty if it goes on.
std::string StuckText(const v1::Job& job) {
  const bool begins = job.progress().steps_done() == 0 && StepNoun(job.spec()) == "decision";
  const std::string held = HeldBackText(job);
  return begins ? absl::StrCat("runs the whole model first", held) : std::string(absl::StripPrefix(held, "; "));
}

// Lately, or else on the whole.
std::string RateOf(const TopState& state, const v1::Job& job) {
  if (const auto rate = state.rates.find(job.name()); rate != state.rates.end()) return RateText(rate->second);
  const double elapsed = Seconds(job.progress().elapsed());
  const uint64_t done = job.progress().steps_done();
  return elapsed > 0 && done > 0 ? RateText(static_cast<double>(done) / elapsed) : "-";
}

TopSection Running(const TopState& state) {
  const auto& jobs = state.snapshot.running;
  const bool stuck = std::any_of(jobs.begin(), jobs.end(),
                                 [&](const v1::Job& job) { return IsShown(state, job) && !StuckText(job).empty(); });
  FittedTable table({{Heading("RUNNING", CountShown(state, jobs)), 0, 10},
                     {"OWNER", 6, 7},
                     {"KIND", 0, 4},
                     {"MODEL", 6, 5},
                     {"PROGRESS", 0, 9},
                     {"RATE", 0, 2, true},
                     {"ELAPSED", 0, 3, true},
                     {"ETA", 0, 8, true},
                     stuck ? FittedColumn{"", kStuckNote, 6} : FittedColumn{"", 10, 1}});
  for (const v1::Job& job : jobs) {
    if (!IsShown(state, job)) continue;
    const v1::JobProgress& progress = job.progress();
    const uint64_t done = progress.steps_done(), total = done + progress.steps_left();
    const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
    const double elapsed = Seconds(progress.elapsed());
    std::string note = StuckText(job);
    if (note.empty() && job.spec().has_node_pruning() && progress.iteration() > 0) {
      note = absl::StrCat("iteration ", progress.iteration() + 1);
    }
    table.Add({{ShortName(job.name())},
               {job.owner()},
               {KindName(job.spec())},
               {ModelOf(job.spec())},
               {absl::StrCat(done, "/", total), share, Calm()},
               {RateOf(state, job)},
               {ClockTime(elapsed)},
               {progress.has_remaining_estimate() ? ClockTime(Seconds(progress.remaining_estimate())) : "-:--"},
               {note}});
  }
  return {std::move(table), state.own_only ? "None of your jobs runs" : "No job runs", 4, 1};
}

TopSection Queued(const TopState& state) {
  FittedTable table({{Heading("QUEUED", CountShown(state, state.snapshot.queued)), 0, 9},
                     {"OWNER", 6, 6},
                     {"KIND", 0, 4},
                     {"MODEL", 6, 5},
                     {"BEFORE IT", 12, 8}});
  for (const v1::Job& job : state.snapshot.queued) {
    if (!IsShown(state, job)) continue;
    table.Add({{ShortName(job.name())},
               {job.owner()},
               {KindName(job.spec())},
               {ModelOf(job.spec())},
               {QueueText(job, state.now, state.zone)}});
  }
  return {std::move(table), state.own_only ? "None of your jobs waits" : "No job waits", 3, 2};
}

TopSection Ended(const TopState& state) {
  FittedTable table(
      {{"ENDED", 0, 9}, {"OWNER", 6, 6}, {"KIND", 0, 4}, {"MODEL", 6, 3}, {"AT", 0, 5}, {"STATE", 0, 8}, {"", 12, 7}});
  for (const v1::Job& job : state.snapshot.ended) {
    if (!IsShown(state, job)) continue;
    const absl::Time end = absl::FromUnixSeconds(job.end_time().seconds());
    const bool today = absl::ToCivilDay(end, state.zone) == absl::ToCivilDay(state.now, state.zone);
    const bool failed = job.state() == v1::JOB_STATE_FAILED;
    table.Add({{ShortName(job.name())},
               {job.owner()},
               {KindName(job.spec())},
               {ModelOf(job.spec())},
               {absl::FormatTime(today ? "%H:%M:%S" : "%Y-%m-%d", end, state.zone)},
               {StateName(job.state()), {}, failed ? std::optional<Rgb>(Alarm()) : std::nullopt},
               {job.state() == v1::JOB_STATE_SUCCEEDED ? ResultLine(job) : job.error().message()}});
  }
  return {std::move(table), "", 2, 4};
}

}  // namespace

std::vector<TopSection> TopSections(const TopState& state) {
  return {Devices(state), Models(state), Running(state), Queued(state), Ended(state)};
}

}  // namespace circuitd::client
