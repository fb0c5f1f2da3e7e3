// Model folders that must not be served: each is refused with the file's name and what is wrong with it, and the server
// goes on.
#include <gmock/gmock.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/integration/model_folder.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

constexpr int kUsage = 2, kUnfit = 5;
constexpr char kTensor[] = "transformer.wpe.weight";

class ModelFilesTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    repository_ = std::make_unique<TempFolder>();
    std::vector<std::string> flags = ServerFlags();
    flags.insert(flags.end(), {"--model-repository", repository_->path()});
    StartServer(flags);
  }
  static void TearDownTestSuite() {
    SharedServerTest::TearDownTestSuite();
    repository_.reset();
  }

  static std::string Demo(const std::string& file) {
    return FileBytes(absl::StrCat(CIRCUITD_SOURCE_DIR, "/models/seqcont-demo/", file));
  }
  static SafetensorsParts DemoWeights() {
    return SafetensorsParts::Read(absl::StrCat(CIRCUITD_SOURCE_DIR, "/models/seqcont-demo/model.safetensors"));
  }

  // Expects a folder with these weights to be refused as a model whose files are unfit, with all of `parts`.
  static void ExpectUnfit(const std::string& weights, const std::vector<std::string>& parts) {
    ExpectUnfitFolder({{"config.json", Demo("config.json")}, {"model.safetensors", weights}}, parts);
  }
  static void ExpectUnfitFolder(const std::map<std::string, std::string>& files, std::vector<std::string> parts) {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    WriteModelFolder(repository_->path(), name, files);
    parts.insert(parts.begin(), "circuit: FAILED_PRECONDITION: model: ");
    ExpectRefused({"forward", "--model", name, "--ids", "1,2"}, kUnfit, parts);
    // Not even what it found out the first time makes it crash, or accept, the second time.
    ExpectRefused({"models", "load", name}, kUnfit, {"FAILED_PRECONDITION"});
  }

  static inline std::unique_ptr<TempFolder> repository_;
};

TEST_F(ModelFilesTest, ServesAFolderOfTheRepository) {
  WriteModelFolder(repository_->path(), "fine",
                   {{"config.json", Demo("config.json")}, {"model.safetensors", DemoWeights().Bytes()}});
  const auto answer = server_->RunJson({"forward", "--model", "fine", "--ids", "1,2"});
  EXPECT_EQ(answer["prompts"][0]["tokenCount"], 2);
  ExpectRefused({"forward", "--model", "fine", "text"}, kUnfit, {"prompts[0].text", "no tokenizer", "token ids"});
}

TEST_F(ModelFilesTest, RefusesAWeightThatIsNotANumber) {
  SafetensorsParts weights = DemoWeights();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const size_t offset = weights.header[kTensor]["data_offsets"][0];
  weights.data.replace(offset + 400, sizeof(nan), reinterpret_cast<const char*>(&nan), sizeof(nan));
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "NaN"});
}

TEST_F(ModelFilesTest, RefusesAHeaderLengthOfTwoToTheSixty) {
  ExpectUnfit(DemoWeights().Bytes(uint64_t{1} << 60), {"model.safetensors", "1152921504606846976"});
}

TEST_F(ModelFilesTest, RefusesAHeaderThatIsLongerThanTheFile) {
  const SafetensorsParts weights = DemoWeights();
  ExpectUnfit(weights.Bytes(weights.Bytes().size()), {"model.safetensors", "header"});
}

TEST_F(ModelFilesTest, RefusesAFileOfAFewBytes) { ExpectUnfit("{}", {"model.safetensors", "2 bytes"}); }

TEST_F(ModelFilesTest, RefusesAHeaderThatIsNotJson) {
  const std::string bytes = DemoWeights().Bytes();
  ExpectUnfit(bytes.substr(0, 8) + std::string(bytes.size() - 8, '{'), {"model.safetensors", "header"});
}

TEST_F(ModelFilesTest, RefusesATruncatedFile) {
  const std::string bytes = DemoWeights().Bytes();
  ExpectUnfit(bytes.substr(0, bytes.size() - 1000), {"model.safetensors", "data_offsets", "truncated"});
}

TEST_F(ModelFilesTest, RefusesOffsetsBeyondTheFile) {
  SafetensorsParts weights = DemoWeights();
  weights.header[kTensor]["data_offsets"] = {int64_t{1} << 62, (int64_t{1} << 62) + 32768};
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "data_offsets [4611686018427387904, "});
}

TEST_F(ModelFilesTest, RefusesOffsetsThatRunBackwards) {
  SafetensorsParts weights = DemoWeights();
  auto& offsets = weights.header[kTensor]["data_offsets"];
  std::swap(offsets[0], offsets[1]);
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "backwards"});
}

TEST_F(ModelFilesTest, RefusesTensorsThatOverlap) {
  SafetensorsParts weights = DemoWeights();
  weights.header[kTensor]["data_offsets"] = weights.header["transformer.h.0.ln_1.weight"]["data_offsets"];
  weights.header[kTensor]["shape"] = weights.header["transformer.h.0.ln_1.weight"]["shape"];
  ExpectUnfit(weights.Bytes(), {"model.safetensors", "inside tensor"});
}

TEST_F(ModelFilesTest, RefusesAnotherDtype) {
  SafetensorsParts weights = DemoWeights();
  weights.header[kTensor]["dtype"] = "I32";
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "I32"});
}

TEST_F(ModelFilesTest, RefusesAShapeThatOverflows) {
  SafetensorsParts weights = DemoWeights();
  weights.header[kTensor]["shape"] = {int64_t{1} << 62, int64_t{1} << 62};
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "shape"});
}

TEST_F(ModelFilesTest, RefusesAShapeThatTheConfigDoesNotHave) {
  SafetensorsParts weights = DemoWeights();
  weights.header[kTensor]["shape"] = {128, 64};
  ExpectUnfit(weights.Bytes(), {"model.safetensors", kTensor, "[128, 64]", "[64, 128]"});
}

TEST_F(ModelFilesTest, RefusesAMissingTensor) {
  SafetensorsParts weights = DemoWeights();
  std::string last;
  for (const auto& [name, entry] : weights.header.items()) {
    if (entry.contains("data_offsets") && entry["data_offsets"][1] == weights.data.size()) last = name;
  }
  weights.data.resize(weights.header[last]["data_offsets"][0]);
  weights.header.erase(last);
  ExpectUnfit(weights.Bytes(), {"model.safetensors", last.substr(last.find('.') + 1), "is missing"});
}

TEST_F(ModelFilesTest, RefusesATensorThatTheModelDoesNotHave) {
  SafetensorsParts weights = DemoWeights();
  weights.header["stranger"] = weights.header[kTensor];
  weights.header.erase(kTensor);
  ExpectUnfit(weights.Bytes(), {"model.safetensors", "\"stranger\" does not belong to a GPT-2 of 4 layers"});
}

TEST_F(ModelFilesTest, RefusesPickledWeightsAndSaysHowToConvertThem) {
  ExpectUnfitFolder({{"config.json", Demo("config.json")}, {"pytorch_model.bin", std::string("\x80\x02}q\x00.", 6)}},
                    {"pytorch_model.bin", "pickled", "save_pretrained"});
}

TEST_F(ModelFilesTest, RefusesAConfigOfAnotherModel) {
  auto config = nlohmann::json::parse(Demo("config.json"));
  config["n_embd"] = 127;
  ExpectUnfitFolder({{"config.json", config.dump()}, {"model.safetensors", DemoWeights().Bytes()}},
                    {"config.json", "n_embd", "127", "multiple of n_head"});
}

TEST_F(ModelFilesTest, RefusesAHugeConfig) {
  auto config = nlohmann::json::parse(Demo("config.json"));
  config["vocab_size"] = int64_t{1} << 60;
  ExpectUnfitFolder({{"config.json", config.dump()}, {"model.safetensors", DemoWeights().Bytes()}},
                    {"config.json", "vocab_size", "1152921504606846976"});
}

TEST_F(ModelFilesTest, RefusesALinkOutOfTheRepository) {
  const std::string name = "link";
  WriteModelFolder(repository_->path(), name, {{"config.json", Demo("config.json")}});
  std::filesystem::create_symlink("/etc/passwd", repository_->File(name + "/model.safetensors"));
  ExpectRefused({"forward", "--model", name, "--ids", "1"}, kUnfit, {"model.safetensors", "link"});
  ExpectRefused({"forward", "--model", "../" + name, "--ids", "1"}, kUsage, {"model: ", "path is not accepted"});
}

TEST_F(ModelFilesTest, NamesWhyAServerThatShouldLoadABrokenModelDoesNotStart) {
  WriteModelFolder(repository_->path(), "broken", {{"config.json", Demo("config.json")}, {"model.safetensors", "x"}});
  const TempFolder folder;
  const auto process = LaunchServer(folder.path(), {"--address", "127.0.0.1:0", "--metrics-address", "",
                                                    "--model-repository", repository_->path(), "--load", "broken"});
  EXPECT_EQ(process->Wait(), 1);
  EXPECT_THAT(process->err(), testing::HasSubstr("circuitd: --load: "));
  EXPECT_THAT(process->err(), testing::HasSubstr("model.safetensors"));
  EXPECT_EQ(process->out(), "");
}

}  // namespace
}  // namespace circuitd
