// Trains the shipped model: corpus, vocabulary, training, files, evaluation.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/status.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/sequence_continuation.h"
#include "tools/corpus.h"
#include "tools/evaluation.h"
#include "tools/model_folder.h"
#include "tools/trainer.h"
#include "tools/vocabulary.h"

namespace circuitd {
namespace {

constexpr int kVocabularyTexts = 4000;

struct Flags {
  std::string out;
  uint64_t seed = 1;
  int threads = 1;
  int evaluation_samples = 100;
  TrainingOptions training;
};

ModelConfig DemoConfig(int d_vocab) {
  ModelConfig config;
  config.n_layers = 4;
  config.n_heads = 8;
  config.d_model = 128;
  config.d_head = 16;
  config.d_mlp = 512;
  config.n_ctx = 64;
  config.d_vocab = d_vocab;
  return config;
}

// Counted in texts, and each word that may begin a prompt or follow another once more in both forms.
PieceCounts VocabularyPieces(const CorpusWords& words, uint64_t seed) {
  Corpus corpus(words, seed, CorpusStream::kVocabulary);
  PieceCounts pieces;
  for (int i = 0; i < kVocabularyTexts; ++i) CountPieces(corpus.Next().text, pieces);
  std::vector<std::vector<std::string>> lists = words.sequences;
  lists.insert(lists.end(), {words.nouns, words.names, words.verbs, {"in"}});
  for (const auto& list : lists) {
    for (const std::string& word : list) {
      ++pieces[word];
      ++pieces[" " + word];
    }
  }
  return pieces;
}

absl::Status Evaluate(const Gpt2& model, const Tokenizer& tokenizer, const Flags& flags) {
  std::printf("task      variant  prompts  accuracy  logit difference: mean   least\n");
  for (const std::string& task : SequenceTaskNames()) {
    for (const SequenceVariant& variant : SequenceVariants()) {
      ASSIGN_OR_RETURN(const Evaluation result,
                       EvaluateTask(model, tokenizer, task, variant.name, flags.seed, flags.evaluation_samples));
      std::printf("%-9s %-7s  %7d  %7.1f%%  %22.2f  %6.2f\n", task.c_str(), variant.name.c_str(), result.prompts,
                  100 * result.accuracy, result.mean_logit_diff, result.min_logit_diff);
    }
  }
  return absl::OkStatus();
}

absl::Status Run(Flags flags) {
  at::set_num_threads(flags.threads);
  std::error_code error;
  std::filesystem::create_directories(flags.out, error);
  if (error) return absl::UnavailableError(absl::StrCat(flags.out, ": ", error.message()));

  const CorpusWords words = TaskWords();
  RETURN_IF_ERROR(WriteVocabulary(MakeVocabulary(VocabularyPieces(words, flags.seed)), flags.out));
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, Tokenizer::Load(flags.out));

  const ModelConfig config = DemoConfig(tokenizer->size());
  Corpus corpus(words, flags.seed);
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  flags.training.seed = flags.seed;
  flags.training.on_step = [&](int step, double loss) {
    if (step % 100 != 0 && step + 1 != flags.training.steps) return;
    std::printf("step %4d  loss %.4f  %6.1f s\n", step, loss, seconds());
    std::fflush(stdout);
  };
  ASSIGN_OR_RETURN(const Gpt2Weights weights,
                   TrainGpt2(config, flags.training, [&] { return tokenizer->Encode(corpus.Next().text); }));
  RETURN_IF_ERROR(WriteModel(config, weights, flags.out));
  return Evaluate(Gpt2(config, weights), *tokenizer, flags);
}

}  // namespace
}  // namespace circuitd

int main(int argc, char** argv) {
  circuitd::Flags flags;
  CLI::App app(
      "Trains a small GPT-2 to continue numerals, number words and months, and writes it as a Hugging Face folder.");
  app.option_defaults()->always_capture_default();
  app.add_option("--out", flags.out, "Folder to write; created if missing")->required();
  app.add_option("--seed", flags.seed, "Seed of the vocabulary's corpus, the texts and the initial weights");
  app.add_option("--steps", flags.training.steps, "Training steps")->check(CLI::Range(1, 1'000'000));
  app.add_option("--batch", flags.training.batch, "Texts a step")->check(CLI::Range(1, 4096));
  app.add_option("--learning-rate", flags.training.peak_learning_rate, "Peak of the one-cycle schedule")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--weight-decay", flags.training.weight_decay, "AdamW's weight decay")->check(CLI::Range(0.0, 10.0));
  app.add_option("--threads", flags.threads, "Threads; another number gives weights that differ by rounding")
      ->check(CLI::Range(1, 256));
  app.add_option("--evaluation-samples", flags.evaluation_samples, "Prompts of each task and variant to evaluate on")
      ->check(CLI::Range(1, circuitd::kMaxNumSamples));
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = circuitd::Run(flags); !status.ok()) {
    std::fprintf(stderr, "train_demo: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
