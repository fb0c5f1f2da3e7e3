// `circuit info`: what server this is.
#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/escape_text.h"
#include "base/status.h"
#include "client/cli/busy_share.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

// "30 days", and for what is not whole days "36h".
std::string AgeText(const google::protobuf::Duration& age) {
  constexpr int64_t kDay = 24 * 3600;
  if (age.seconds() > 0 && age.seconds() % kDay == 0) {
    return absl::StrCat(age.seconds() / kDay, age.seconds() == kDay ? " day" : " days");
  }
  return absl::FormatDuration(absl::Seconds(age.seconds()));
}

// "Started 2026-11-24 14:05".
std::string StartText(const v1::GetServerInfoResponse& info) {
  const absl::Time start = absl::FromUnixSeconds(info.start_time().seconds());
  return absl::StrCat("Started ", absl::FormatTime("%Y-%m-%d %H:%M", start, absl::LocalTimeZone()));
}

// Since the server's start: "12.5 %".
std::string BusyText(const v1::GetServerInfoResponse& info, const v1::Device& device) {
  const auto share = BusyShare({}, info, device);
  return share ? absl::StrFormat("%.1f %%", 100 * *share) : "";
}

absl::StatusOr<int> Info(CommandContext& context) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info, client->GetServerInfo({}));
  if (context.options().json) {
    context.PrintJson(info);
    return kExitOk;
  }
  context.out().Write(EscapeText(absl::StrCat("circuitd ", info.version(), " at ", context.options().server)) + "\n");
  if (info.has_start_time()) context.out().Write(StartText(info) + "\n");
  context.out().Write("\n");
  Table devices({"DEVICE", "DESCRIPTION", ">MEMORY", ">IN USE", ">BUSY", ""});
  for (const v1::Device& device : info.devices()) {
    devices.Add({device.name(), device.description(), ByteSize(device.memory_bytes()),
                 ByteSize(device.used_memory_bytes()), BusyText(info, device),
                 device.name() == info.default_device() ? "default" : ""});
  }
  context.Print(devices);
  const v1::Limits& limits = info.limits();
  Table table({"LIMIT", ">"});
  table.Add({"memory for activations", ByteSize(limits.memory_budget_bytes())});
  table.Add({"a message", ByteSize(limits.max_message_bytes())});
  table.Add({"tensors of a reply", ByteSize(limits.max_reply_bytes())});
  table.Add({"a dataset", ByteSize(limits.max_dataset_bytes())});
  table.Add({"all datasets", ByteSize(limits.max_stored_dataset_bytes())});
  table.Add({"prompts of a request", WithThousands(limits.max_prompts_per_request())});
  table.Add({"samples of a variant", WithThousands(limits.max_num_samples())});
  table.Add({"queued jobs", WithThousands(limits.max_queued_jobs())});
  table.Add({"queued jobs of a user", WithThousands(limits.max_queued_jobs_per_user())});
  table.Add({"running jobs of a user", WithThousands(limits.max_running_jobs_per_user())});
  table.Add({"queued calls", WithThousands(limits.max_queued_calls())});
  table.Add({"loaded models", WithThousands(limits.max_loaded_models())});
  table.Add({"age of ended jobs", limits.has_retention_age() ? AgeText(limits.retention_age()) : "no limit"});
  table.Add({"all ended jobs", limits.retention_bytes() > 0 ? ByteSize(limits.retention_bytes()) : "no limit"});
  context.out().Write("\n");
  context.Print(table);
  return kExitOk;
}

}  // namespace

void AddInfoCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("info", "Show the server's version, devices and limits");
  command->fallthrough();
  context.Register(command, [&context] { return Info(context); });
}

}  // namespace circuitd::client
