// `circuit task list` and `circuit task generate`.
#include <memory>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "client/atomic_file.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/exit_code.h"
#include "client/cli/json_output.h"
#include "client/cli/prompt_lines.h"
#include "client/cli/table.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

absl::StatusOr<int> List(CommandContext& context) {
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  ASSIGN_OR_RETURN(const v1::ListTasksResponse response, client->ListTasks({}));
  if (context.options().json) {
    context.PrintJson(response);
    return kExitOk;
  }
  Table table({"TASK", "VARIANTS", "ROLES", "DESCRIPTION"});
  for (const v1::Task& task : response.tasks()) {
    table.Add({task.name(), absl::StrJoin(task.variants(), ","), absl::StrJoin(task.roles(), ","), task.description()});
  }
  context.Print(table);
  return kExitOk;
}

struct GenerateOptions {
  std::string model;
  std::string task;
  std::vector<std::string> variants;
  uint64_t seed = 0;
  std::optional<uint32_t> num_samples;
  bool filter = false;
  bool first_token = false;
  std::string output;
};

v1::GeneratePromptsRequest MakeRequest(const GenerateOptions& options) {
  v1::GeneratePromptsRequest request;
  request.set_model(options.model);
  request.set_filter(options.filter);
  v1::PromptSource& source = *request.mutable_prompts();
  source.mutable_task()->set_task(options.task);
  source.mutable_task()->set_seed(options.seed);
  for (const std::string& variant : options.variants) source.mutable_task()->add_variants(variant);
  if (options.num_samples) source.set_num_samples(*options.num_samples);
  if (options.first_token) source.set_multi_token_answers(v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN);
  return request;
}

absl::StatusOr<int> Generate(CommandContext& context, const GenerateOptions& options) {
  std::optional<AtomicFile> file;
  if (!options.output.empty()) {
    ASSIGN_OR_RETURN(AtomicFile created, AtomicFile::Create(options.output));
    file.emplace(std::move(created));
  }
  ASSIGN_OR_RETURN(const auto client, context.Connect());
  std::optional<v1::GeneratePromptsSummary> summary;
  RETURN_IF_ERROR(client->GeneratePrompts(MakeRequest(options), [&](const v1::GeneratePromptsResponse& response) {
    if (response.has_summary()) summary = response.summary();
    for (const v1::PromptPair& pair : response.pairs().pairs()) {
      const std::string line = PromptLine(pair, options.filter);
      if (file) {
        RETURN_IF_ERROR(file->Write(line));
      } else {
        context.out().Write(line);
      }
    }
    return absl::OkStatus();
  }));
  if (!summary) return absl::DataLossError("the server's reply ended without a summary");
  if (file) RETURN_IF_ERROR(file->Commit());
  if (file && context.options().json) {
    context.PrintJson(*summary);
  } else {
    PrintError(absl::StrCat("circuit: ", WithThousands(summary->generated()), " prompts generated, ",
                            WithThousands(summary->kept()), " kept"));
  }
  return kExitOk;
}

}  // namespace

void AddTaskCommand(CLI::App& app, CommandContext& context) {
  CLI::App* task = app.add_subcommand("task", "List the server's tasks, or keep the prompts of one");
  task->fallthrough()->require_subcommand(0, 1);
  context.Register(task, [&context] { return List(context); });

  CLI::App* list = task->add_subcommand("list", "Tasks with their variants and named positions");
  list->fallthrough();
  context.Register(list, [&context] { return List(context); });

  CLI::App* generate =
      task->add_subcommand("generate", "Prompts as JSON lines, with token ids, that --prompts FILE takes again");
  generate->fallthrough();
  auto options = std::make_shared<GenerateOptions>();
  generate->add_option("task", options->task, "The task")->required();
  generate->add_option("--model,-m", options->model, "The model whose tokens they are")->required();
  generate->add_option("--variants", options->variants, "Only these of the task's variants: done,lost")
      ->delimiter(',')
      ->allow_extra_args(false);
  AddCountOption(*generate, "--seed", options->seed, "Seed of the prompts")->capture_default_str();
  AddCountOption(*generate, "--num-samples,-n", options->num_samples, "Prompts of each variant (default: 32)");
  generate->add_flag("--filter", options->filter, "Keep only prompts that the model answers right, with a margin");
  generate->add_flag("--first-token", options->first_token, "Use only the first token of a longer answer");
  generate->add_option("-o,--output", options->output, "A file for them (default: standard output)")
      ->type_name("FILE.jsonl");
  context.Register(generate, [&context, options] { return Generate(context, *options); });
}

}  // namespace circuitd::client
