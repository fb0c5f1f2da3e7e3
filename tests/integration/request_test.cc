// Requests that can't be answered: each is refused with the field, the value and the bound, and a clear exit code.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

constexpr int kUsage = 2, kNotFound = 3, kUnfit = 5;
constexpr char kPrompt[] = "Van done in 1. Sun done in";

class RequestTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    std::vector<std::string> flags = ServerFlags();
    flags.insert(flags.end(), {"--model", "nano-sort=" + SharedFolder("models/nano-sort")});
    StartServer(flags);
  }

  // A pruning run of the demo model with one thing about it changed.
  static std::vector<std::string> Prune(const std::vector<std::string>& changed) {
    std::vector<std::string> arguments = {"prune", "--model", "demo", "-o", "refused"};
    arguments.insert(arguments.end(), changed.begin(), changed.end());
    return arguments;
  }
  static std::vector<std::string> Patch(const std::string& intervention) {
    return {"patch", "--model", "demo", kPrompt, "--intervention", intervention};
  }
  // Expects a file with these lines to be refused, and the folder that was asked for not to be there.
  static void ExpectRefusedPairs(const std::string& lines, const std::vector<std::string>& parts,
                                 const std::string& model = "demo") {
    const std::string file = server_->client_folder().Write("pairs.jsonl", lines);
    ExpectRefused({"prune", "--model", model, "--prompts", file, "-o", "refused"}, kUsage, parts);
    EXPECT_FALSE(server_->client_folder().Has("refused"));
  }
};

TEST_F(RequestTest, RefusesAnUnknownModel) {
  ExpectRefused({"forward", "--model", "gpt5", kPrompt}, kNotFound, {"NOT_FOUND: model: no model \"gpt5\"", "demo"});
  ExpectRefused({"prune", "--model", "gpt5", "--task", "numerals"}, kNotFound, {"NOT_FOUND: spec.node_pruning.model"});
  ExpectRefused({"models", "unload", "gpt5"}, kNotFound, {"NOT_FOUND", "gpt5"});
  ExpectRefused({"models", "load", "demo", "--device", "tpu"}, kUsage, {"INVALID_ARGUMENT: device: ", "tpu"});
}

TEST_F(RequestTest, RefusesAnUnknownTaskOrVariant) {
  ExpectRefused(Prune({"--task", "letters"}), kUsage,
                {"spec.node_pruning.prompts.task.task: \"letters\"", "numerals, numwords, months"});
  ExpectRefused(Prune({"--task", "numerals", "--variants", "done,won"}), kUsage,
                {"spec.node_pruning.prompts.task.variants[1]: \"won\"", "done, lost, names"});
  ExpectRefused(Prune({"--task", "numerals", "--model", "nano-sort"}), kUsage, {"--model"});
  ExpectRefused({"prune", "--model", "nano-sort", "--task", "numerals"}, kUnfit,
                {"spec.node_pruning.prompts.task.task: numerals needs a tokenizer"});
}

TEST_F(RequestTest, RefusesAnUnknownHookLayerOrHead) {
  ExpectRefused(Patch("blocks.0.attn.hook_y:ablation=zero"), kUsage, {"interventions[0].hook", "hook_y"});
  ExpectRefused(Patch("blocks.1.hook_resid_pre:heads=0:ablation=zero"), kUsage,
                {"interventions[0].heads", "blocks.1.hook_resid_pre has no heads"});
  ExpectRefused(Patch("blocks.4.hook_mlp_out:ablation=zero"), kUsage,
                {"interventions[0].hook: layer 4, model has 4 (0-3)"});
  ExpectRefused(Patch("blocks.0.attn.hook_z:heads=8:ablation=zero"), kUsage,
                {"interventions[0].heads[0]: 8, model has 8 (0-7)"});
  ExpectRefused(Patch("blocks.0.attn.hook_z:positions=50:ablation=zero"), kUsage,
                {"interventions[0].positions.indices[0]: 50"});
  ExpectRefused(Patch("blocks.0.attn.hook_z:ablation=mean"), kUsage, {"source_prompts"});
}

TEST_F(RequestTest, RefusesAnUnknownToken) {
  ExpectRefused({"forward", "--model", "demo", "--ids", "1,1088"}, kUsage,
                {"prompts[0].tokens.ids[1]: ", "1088", "(0-1087)"});
  ExpectRefused({"forward", "--model", "demo", kPrompt, "--chosen-ids", "5,4294967295"}, kUsage,
                {"logits.chosen_tokens[1]", "4294967295", "(0-1087)"});
}

TEST_F(RequestTest, RefusesAnEmptyPrompt) {
  ExpectRefused({"forward", "--model", "demo", kPrompt, ""}, kUsage, {"prompts[1]: 0 tokens", "at least 1"});
  ExpectRefusedPairs(R"({"clean":"","corrupted":"","correct":" 1","incorrect":" 2"})", {"line 1: \"clean\""});
}

TEST_F(RequestTest, RefusesAPromptThatIsLongerThanTheContext) {
  std::string text;
  for (int i = 0; i < 65; ++i) text += " done";
  ExpectRefused({"forward", "--model", "demo", text}, kUsage, {"prompts[0]: 65 tokens, n_ctx is 64"});
  ExpectRefusedPairs(
      absl::StrCat(R"({"clean":")", text, R"(","corrupted":")", text, R"(","correct":" 1","incorrect":" 2"})"),
      {"line 1: \"clean\": 65 tokens", "64"});
}

TEST_F(RequestTest, TakesTheFirstTokenOfAnAnswerOnlyWhereItIsAskedTo) {
  const std::string pairs = server_->client_folder().Write(
      "answers.jsonl",
      R"({"clean":"Van done in 1. Hat done in 2. Sun done in","corrupted":"Van done in 6. Hat done in 4. Sun done in",)"
      R"("correct":" 3 and on","incorrect":" 2"})");
  std::vector<std::string> arguments = {"prune", "--model", "demo", "--prompts", pairs, "--validate-only"};
  ExpectRefused(
      arguments, kUsage,
      {"INVALID_ARGUMENT: spec.node_pruning.prompts.pairs_dataset_sha256: line 1: \"correct\": \" 3 and on\" is "});
  arguments.push_back("--first-token");
  EXPECT_EQ(server_->Run(arguments).exit_code, 0);
  arguments = {"patch", "--model", "demo", kPrompt, "--ablate", "M0=zero", "--correct", " 2 and", "--incorrect", " 1"};
  ExpectRefused(arguments, kUsage, {"answers[0].correct[0]", "exactly one"});
  arguments.push_back("--first-token");
  EXPECT_EQ(server_->Run(arguments).exit_code, 0);
}

TEST_F(RequestTest, RefusesTextWhereThereIsNoTokenizer) {
  ExpectRefused({"forward", "--model", "nano-sort", "0 1 2"}, kUnfit, {"prompts[0].text", "no tokenizer", "token ids"});
  ExpectRefused({"tokenize", "--model", "nano-sort", "0 1 2"}, kUnfit, {"prompts[0].text", "no tokenizer"});
  ExpectRefusedPairs(R"({"clean":"0","corrupted":"1","correct":1,"incorrect":0})", {"line 1: \"clean\"", "tokenizer"},
                     "nano-sort");
}

TEST_F(RequestTest, RefusesAThresholdThatIsNoPercentage) {
  for (const std::string threshold : {"-0.5", "100.5", "nan", "inf"}) {
    ExpectRefused(Prune({"--task", "numerals", "--threshold", threshold}), kUsage,
                  {"INVALID_ARGUMENT: spec.node_pruning.threshold: ", "must be 0-100"});
  }
}

TEST_F(RequestTest, RefusesNumSamplesOutOfBounds) {
  for (const std::string count : {"0", "4097", "1000000000"}) {
    ExpectRefused(Prune({"--task", "numerals", "-n", count}), kUsage,
                  {absl::StrCat("spec.node_pruning.prompts.num_samples: ", count, ", must be 1-4096")});
  }
  const std::string pairs =
      server_->client_folder().Write("one.jsonl", R"({"clean":[1,2],"corrupted":[2,1],"correct":3,"incorrect":4})");
  ExpectRefused({"prune", "--model", "demo", "--prompts", pairs, "-n", "2"}, kUsage,
                {"spec.node_pruning.prompts.num_samples: 2, the file has 1 prompts"});
}

TEST_F(RequestTest, RefusesTextThatIsNotUtf8) {
  ExpectRefused({"forward", "--model", "demo", "Van \xff"}, kUsage, {"prompts[0].text: byte 4 is not UTF-8"});
  ExpectRefused({"forward", "--model", "demo", "--file", "-"}, kUsage, {"prompts[1].text: byte 1 is not UTF-8"},
                "fine\nV\xc3\n");
  ExpectRefused({"forward", "--model", "de\xc3mo", kPrompt}, kUsage, {"model: ", "UTF-8"});
  ExpectRefused(Prune({"--task", "numer\xffls"}), kUsage, {"spec.node_pruning.prompts.task.task", "UTF-8"});
  ExpectRefusedPairs("\n{\"clean\":\"\xff\",\"corrupted\":\"b\",\"correct\":1,\"incorrect\":0}",
                     {"line 2: byte 10", "UTF-8"});
}

TEST_F(RequestTest, NamesTheBadLineOfAFile) {
  const std::string good = R"({"clean":[1,2],"corrupted":[2,1],"correct":3,"incorrect":4})";
  ExpectRefusedPairs(good + "\n\n{\"clean\":", {"INVALID_ARGUMENT: line 3", "JSON"});
  ExpectRefusedPairs(good + "\n[1,2]", {"line 2: array, must be an object"});
  ExpectRefusedPairs(good + "\n{}", {"line 2: \"clean\" is missing"});
  ExpectRefusedPairs(R"({"clean":[1],"corrupted":[2],"correct":-1,"incorrect":4})", {"line 1: \"correct\"", "-1"});
  ExpectRefusedPairs(R"({"clean":[1,2],"corrupted":[2],"correct":3,"incorrect":4})",
                     {"line 1: \"corrupted\": 1 tokens, but \"clean\" has 2"});
  ExpectRefusedPairs(R"({"clean":[1,2000],"corrupted":[2,1],"correct":3,"incorrect":4})",
                     {"line 1", "2000", "(0-1087)"});
  ExpectRefusedPairs("\n \n", {"no prompts"});
  ExpectRefusedPairs(std::string(100'000, '['), {"line 1"});
}

TEST_F(RequestTest, RefusesAJobWhoseScoresMeanNothing) {
  const std::string pairs = server_->client_folder().Write(
      "swapped.jsonl",
      R"({"clean":"Van done in 1. Hat done in 2. Sun done in","corrupted":"Van done in 6. Hat done in 4. Sun done in",)"
      R"("correct":" 8","incorrect":" 3"})");
  const Finished finished = server_->Run({"prune", "--model", "demo", "--prompts", pairs, "-o", "refused"});
  EXPECT_EQ(finished.exit_code, kUnfit);
  EXPECT_THAT(finished.err, testing::HasSubstr("FAILED_PRECONDITION: the unablated model's logit difference is -"));
  EXPECT_FALSE(server_->client_folder().Has("refused"));
}

TEST_F(RequestTest, RefusesAnUnknownJob) {
  ExpectRefused({"watch", "jobs/abcdefghijkl"}, kNotFound, {"NOT_FOUND: ", "jobs/abcdefghijkl"});
  ExpectRefused({"fetch", "abcdefghijkl"}, kNotFound, {"NOT_FOUND: ", "jobs/abcdefghijkl"});
  ExpectRefused({"cancel", "../../etc"}, kUsage, {"INVALID_ARGUMENT: name: \"jobs/../../etc\", must be jobs/"});
}

}  // namespace
}  // namespace circuitd
