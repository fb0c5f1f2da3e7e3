// Prints generated prompt pairs as JSONL, token ids and texts, for programs that check this one.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/status.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

struct Flags {
  std::string model;
  std::string task;
  std::vector<std::string> variants;
  uint64_t seed = 0;
  int num_samples = 8;
};

std::string Text(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += tokenizer.TokenBytes(id);
  return text;
}

absl::Status Run(const Flags& flags) {
  std::ostringstream config_text;
  config_text << std::ifstream(flags.model + "/config.json").rdbuf();
  ASSIGN_OR_RETURN(const ModelConfig config, ParseModelConfig(config_text.str()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, Tokenizer::Load(flags.model));
  PromptSetOptions options;
  options.num_samples = flags.num_samples;
  ASSIGN_OR_RETURN(const PromptPairs pairs,
                   GeneratePrompts({tokenizer.get(), &config}, flags.task, flags.variants, flags.seed, options));
  for (const PromptPair& pair : pairs) {
    const nlohmann::ordered_json line = {{"clean", Text(*tokenizer, pair.clean)},
                                         {"corrupted", Text(*tokenizer, pair.corrupted)},
                                         {"clean_ids", pair.clean},
                                         {"corrupted_ids", pair.corrupted},
                                         {"correct_ids", pair.correct},
                                         {"incorrect_ids", pair.incorrect}};
    // Induction's tokens need not be whole characters.
    std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app("Prints generated prompt pairs of a task.");
  app.option_defaults()->always_capture_default();
  app.add_option("--model", flags.model, "The model's folder")->required();
  app.add_option("--task", flags.task, "numerals, numwords, months, ioi, greater_than, docstring or induction")
      ->required();
  app.add_option("--variant", flags.variants, "A variant of the task; several may be given, none means all");
  app.add_option("--seed", flags.seed, "Seed of the prompts");
  app.add_option("--num-samples", flags.num_samples, "Pairs of each variant");
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "dump_prompts: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
