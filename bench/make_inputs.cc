// Writes what both sides of a comparison read: a random model's folder, and prompts with answers for a model.
//
//   make_inputs --shape gpt2 --model build/gpt2-random --prompts build/gpt2-random.jsonl
//   make_inputs --model FOLDER --prompts build/prompts.jsonl          (the folder is there, only prompts are written)
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/status.h"
#include "bench/prompts.h"
#include "bench/random_model.h"

namespace circuitd {
namespace {

struct Flags {
  std::string shape, model, prompts;
  int pairs = 48, tokens = 23;
  uint64_t seed = 1;
  bool all_differ = false;
};

absl::Status Run(const Flags& flags) {
  if (!flags.shape.empty()) {
    ASSIGN_OR_RETURN(const ModelConfig config, ShapeNamed(flags.shape));
    RETURN_IF_ERROR(WriteRandomModel(config, flags.seed, flags.model));
  }
  if (flags.prompts.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto model, LoadFolder(flags.model));
  ASSIGN_OR_RETURN(const PromptPairs pairs,
                   RandomPairs(*model, flags.pairs, flags.tokens, flags.seed, flags.all_differ));
  return WritePairs(flags.prompts, pairs);
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app("Writes a random model and prompts for benchmarks.");
  app.option_defaults()->always_capture_default();
  app.add_option("--shape", flags.shape, "Write a model: demo, distilgpt2, gpt2 or gpt2-medium");
  app.add_option("--model", flags.model, "The model's folder")->required();
  app.add_option("--prompts", flags.prompts, "Write prompts to this file, a pair of token ids a line");
  app.add_option("--pairs", flags.pairs, "Pairs of prompts")->check(CLI::PositiveNumber);
  app.add_option("--tokens", flags.tokens, "Tokens of each prompt")->check(CLI::PositiveNumber);
  app.add_flag("--all-differ", flags.all_differ, "Pairs differ in every token, not in the numbers of a template");
  app.add_option("--seed", flags.seed, "Seed of weights and prompts");
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "make_inputs: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
