// Uploaded prompt files: pairs and the published layout, valid and hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/distinct_tokens.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_source.h"
#include "tests/unit/tasks/prompt_files.h"

namespace circuitd {
namespace {

using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kGoodPair[] = R"({"clean": "a one", "corrupted": "a two", "correct": " one", "incorrect": " two"})";
constexpr char kGoodPublished[] = R"({"text": "a one", "corr": " one", "incorr": " two"})";

// 256 " one", 257 " two", 258 " ten".
ToyModel Toy() { return ToyModel({" one", " two", " ten"}); }

json GoodPair() { return json::parse(kGoodPair); }

std::string PairsFailure(const std::string& jsonl, const PromptSetOptions& options = {}) {
  return Failure(TokenizePairs(Toy().vocabulary(), jsonl, options));
}

std::string PairFailureWith(const char* key, const json& value) {
  json pair = GoodPair();
  pair[key] = value;
  return PairsFailure(absl::StrCat(kGoodPair, "\n", pair.dump()));
}

TEST(ValidateDatasetTest, CountsPromptsAndPassesOverBlankLines) {
  EXPECT_EQ(*ValidateDataset(DatasetFormat::kPairs, absl::StrCat("\n", kGoodPair, "\r\n  \n", kGoodPair)), 2);
  EXPECT_EQ(*ValidateDataset(DatasetFormat::kPublished, absl::StrCat(kGoodPublished, "\n")), 1);
}

TEST(ValidateDatasetTest, RejectsFileWithoutPrompts) {
  for (const std::string text : {"", "\n\n", "  \t\r\n"}) {
    EXPECT_EQ(Failure(ValidateDataset(DatasetFormat::kPairs, text)), "INVALID_ARGUMENT: the file has no prompts");
  }
}

TEST(ValidateDatasetTest, NamesLineAndKey) {
  const auto failure = [](DatasetFormat format, const char* good, const std::string& bad) {
    return Failure(ValidateDataset(format, absl::StrCat(good, "\n\n", bad, "\n")));
  };
  const auto pairs = [&](const std::string& bad) { return failure(DatasetFormat::kPairs, kGoodPair, bad); };
  const auto published = [&](const std::string& bad) {
    return failure(DatasetFormat::kPublished, kGoodPublished, bad);
  };
  EXPECT_EQ(pairs(R"({"clean": "a"})"), "INVALID_ARGUMENT: line 3: \"corrupted\" is missing");
  EXPECT_THAT(pairs("{"), StartsWith("INVALID_ARGUMENT: line 3: "));
  EXPECT_THAT(pairs(R"({"clean": "a", "clean": "b"})"), StartsWith("INVALID_ARGUMENT: line 3: "));
  EXPECT_THAT(pairs(std::string(1 << 20, '[')), StartsWith("INVALID_ARGUMENT: line 3: "));
  EXPECT_THAT(pairs("{\"clean\": \"\\ud800\"}"), StartsWith("INVALID_ARGUMENT: line 3: "));
  EXPECT_EQ(pairs("[1]"), "INVALID_ARGUMENT: line 3: array, must be an object");
  EXPECT_EQ(pairs("{\"clean\": \"\xFF\"}"), "INVALID_ARGUMENT: line 3: byte 11 is not UTF-8");
  EXPECT_EQ(published(R"({"text": "a", "corr": " b"})"), "INVALID_ARGUMENT: line 3: \"incorr\" is missing");
  EXPECT_THAT(published(R"({"text": [1], "corr": " b", "incorr": " c"})"),
              StartsWith("INVALID_ARGUMENT: line 3: \"text\": "));
  EXPECT_THAT(published(R"({"text": "a", "corr": "", "incorr": " c"})"),
              StartsWith("INVALID_ARGUMENT: line 3: \"corr\": "));
}

TEST(ValidateDatasetTest, ChecksTypesOfPairs) {
  const auto failure = [](const char* key, const json& value) {
    json pair = GoodPair();
    pair[key] = value;
    return Failure(ValidateDataset(DatasetFormat::kPairs, pair.dump()));
  };
  EXPECT_EQ(failure("clean", {1, 2}), "");
  EXPECT_EQ(failure("correct", {1, " two"}), "");
  EXPECT_EQ(failure("correct", 1), "");
  EXPECT_EQ(failure("extra", {{"any", "thing"}}), "");
  for (const json& bad : {json(), json(1), json(""), json::array(), json::object()}) {
    EXPECT_THAT(failure("clean", bad), StartsWith("INVALID_ARGUMENT: line 1: \"clean\": ")) << bad;
  }
  for (const json& bad : {json(1.5), json("x"), json(), json::array({1})}) {
    EXPECT_THAT(failure("corrupted", json::array({1, bad})), StartsWith("INVALID_ARGUMENT: line 1: \"corrupted\"[1]: "))
        << bad;
  }
  for (const json& bad : {json(), json(1.5), json(""), json::array(), json::object(), json(true)}) {
    EXPECT_THAT(failure("incorrect", bad), StartsWith("INVALID_ARGUMENT: line 1: \"incorrect\": ")) << bad;
  }
  EXPECT_THAT(failure("correct", {1, ""}), StartsWith("INVALID_ARGUMENT: line 1: \"correct\"[1]: "));
}

TEST(ValidateDatasetTest, BoundsLinesPromptsAndAnswers) {
  const auto failure = [](const json& pair) { return Failure(ValidateDataset(DatasetFormat::kPairs, pair.dump())); };
  const auto line_of = [](size_t bytes) {
    const size_t others = GoodPair().dump().size() - 5;  // "a one"
    json pair = GoodPair();
    pair["clean"] = std::string(bytes - others, 'x');
    return pair;
  };
  EXPECT_EQ(failure(line_of(1 << 20)), "");
  EXPECT_EQ(failure(line_of((1 << 20) + 1)), "INVALID_ARGUMENT: line 1: 1048577 bytes, a line has at most 1048576");
  // Bytes that nobody would look at are none the better.
  EXPECT_EQ(Failure(ValidateDataset(DatasetFormat::kPublished, std::string(1 << 21, '[') + "\n")),
            "INVALID_ARGUMENT: line 1: 2097152 bytes, a line has at most 1048576");

  json pair = GoodPair();
  pair["corrupted"] = std::vector<int>(65'536, 1);
  pair["correct"] = std::vector<int>(1000, 1);
  EXPECT_EQ(failure(pair), "");
  pair["correct"].push_back(1);
  EXPECT_EQ(failure(pair), "INVALID_ARGUMENT: line 1: \"correct\": 1001 answers, at most 1000 are allowed");
  pair["corrupted"].push_back(1);
  EXPECT_EQ(failure(pair), "INVALID_ARGUMENT: line 1: \"corrupted\": 65537 token ids, a prompt has at most 65536");
}

TEST(ValidateDatasetTest, ChecksRoles) {
  const auto failure = [](const json& roles) {
    json pair = GoodPair();
    pair["roles"] = roles;
    return Failure(ValidateDataset(DatasetFormat::kPairs, pair.dump()));
  };
  const auto named = [](const std::string& name, const json& position) {
    json roles = json::object();
    roles[name] = position;
    return roles;
  };
  EXPECT_EQ(failure(json::object()), "");
  EXPECT_EQ(failure(named(std::string(63, 'x'), 0)), "");
  const std::string roles = "INVALID_ARGUMENT: line 1: \"roles\"";
  for (const json& bad : {json(), json(1), json("end"), json::array({1})}) {
    EXPECT_THAT(failure(bad), AllOf(StartsWith(roles + ": "), EndsWith("must be an object of positions"))) << bad;
  }
  EXPECT_EQ(failure(named("end", -1)), roles + "[\"end\"]: -1, must be a position, 0-1048575");
  for (const json& bad : {json(), json(1.5), json("1"), json::array({1}), json(UINT64_MAX), json(1 << 20)}) {
    EXPECT_THAT(failure(named("end", bad)), StartsWith(roles + "[\"end\"]: ")) << bad;
  }
  EXPECT_EQ(failure(named("", 1)), roles + ": \"\" has 0 bytes, a role's name has 1-63");
  EXPECT_THAT(failure(named(std::string(64, 'x'), 1)), EndsWith(" has 64 bytes, a role's name has 1-63"));
  json many = json::object();
  for (int i = 0; i < 64; ++i) many[std::to_string(i)] = 0;
  EXPECT_EQ(failure(many), "");
  many["64"] = 0;
  EXPECT_EQ(failure(many), roles + ": 65 roles, a prompt has at most 64");
}

TEST(LineReaderTest, NumbersLinesThatAreNotBlank) {
  const std::string text = "\na\r\n \t\n\nb";
  LineReader lines(text);
  const auto a = lines.Next();
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->number, 2);
  EXPECT_EQ(a->text, "a\r");
  const auto b = lines.Next();
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(b->number, 5);
  EXPECT_EQ(b->text, "b");
  EXPECT_FALSE(lines.Next().has_value());
  EXPECT_FALSE(lines.Next().has_value());
  EXPECT_EQ(CountLines(text), 2u);
  EXPECT_EQ(CountLines(""), 0u);
}

TEST(DistinctTokensTest, KeepsTheFirstOfEachInOrder) {
  EXPECT_THAT(DistinctTokens({9, 9, 3, 9, 1, 3}), ElementsAre(9, 3, 1));
  EXPECT_THAT(DistinctTokens({}), ElementsAre());
}

TEST(TokenizePairsTest, TakesTextAndTokens) {
  const auto pairs = TokenizePairs(Toy().vocabulary(),
                                   absl::StrCat(kGoodPair, "\n", R"({"clean": [97, 256], "corrupted": "b two",)",
                                                R"( "correct": [" one", 258, " one"], "incorrect": 257})"),
                                   {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_THAT((*pairs)[0].clean, ElementsAre('a', 256));
  EXPECT_THAT((*pairs)[0].corrupted, ElementsAre('a', 257));
  EXPECT_THAT((*pairs)[0].correct, ElementsAre(256));
  EXPECT_THAT((*pairs)[0].incorrect, ElementsAre(257));
  EXPECT_THAT((*pairs)[1].clean, ElementsAre('a', 256));
  EXPECT_THAT((*pairs)[1].corrupted, ElementsAre('b', 257));
  EXPECT_THAT((*pairs)[1].correct, ElementsAre(256, 258));
  EXPECT_THAT((*pairs)[1].incorrect, ElementsAre(257));
}

TEST(TokenizePairsTest, KeepsRolesOfTheCleanPrompt) {
  json pair = GoodPair();
  pair["roles"] = {{"word", 0}, {"end", 1}};
  const auto pairs = TokenizePairs(Toy().vocabulary(), absl::StrCat(pair.dump(), "\n", kGoodPair), {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_EQ((*pairs)[0].roles, (PromptRoles{{"word", 0}, {"end", 1}}));
  EXPECT_TRUE((*pairs)[1].roles.empty());
  EXPECT_EQ(PairFailureWith("roles", {{"end", 2}}),
            "INVALID_ARGUMENT: prompts.pairs_dataset_sha256: line 2: \"roles\"[\"end\"]: 2, the prompt has 2 tokens "
            "(0-1)");
}

TEST(TokenizePairsTest, NumSamplesTakesTheFirst) {
  const std::string jsonl = absl::StrCat(kGoodPair, "\nnot JSON");
  EXPECT_EQ(TokenizePairs(Toy().vocabulary(), jsonl, {.num_samples = 1})->size(), 1u);
  EXPECT_EQ(PairsFailure(kGoodPair, {.num_samples = 2}),
            "INVALID_ARGUMENT: prompts.num_samples: 2, the file has 1 prompts");
  EXPECT_EQ(PairsFailure(kGoodPair, {.num_samples = 0}), "INVALID_ARGUMENT: prompts.num_samples: 0, must be 1-4096");
  std::string many;
  for (int i = 0; i < 4097; ++i) absl::StrAppend(&many, kGoodPair, "\n");
  EXPECT_EQ(PairsFailure(many),
            "INVALID_ARGUMENT: prompts.num_samples: unset, and the file has 4097 prompts: must be 1-4096");
}

TEST(TokenizePairsTest, BoundsTheTokensOfAllPairs) {
  // 2 + 2 tokens of prompts and 1 + 1 of answers a line.
  const std::string jsonl = absl::StrCat(kGoodPair, "\n", kGoodPair);
  EXPECT_EQ(PairsFailure(jsonl, {.max_tokens = 12}), "");
  EXPECT_EQ(PairsFailure(jsonl, {.max_tokens = 11}),
            "INVALID_ARGUMENT: prompts.pairs_dataset_sha256: the first 2 pairs have 12 tokens, answers included; a job "
            "has at most 11");
}

TEST(TokenizePairsTest, NamesFieldLineAndKey) {
  const auto result = TokenizePairs(Toy().vocabulary(), "{}", {});
  EXPECT_EQ(Failure(result), "INVALID_ARGUMENT: prompts.pairs_dataset_sha256: line 1: \"clean\" is missing");
  EXPECT_EQ(FieldOf(result.status()), "prompts.pairs_dataset_sha256");
  EXPECT_EQ(PairsFailure("\n"), "INVALID_ARGUMENT: prompts.pairs_dataset_sha256: the file has no prompts");

  const std::string line2 = "INVALID_ARGUMENT: prompts.pairs_dataset_sha256: line 2: ";
  EXPECT_EQ(PairFailureWith("corrupted", "aa two"),
            line2 + "\"corrupted\": 3 tokens, but \"clean\" has 2: a pair's lengths must be equal");
  EXPECT_EQ(PairFailureWith("clean", std::string(65, 'x')), line2 + "\"clean\": 65 tokens, model takes 1-64");
  EXPECT_EQ(PairFailureWith("clean", {97, 259}), line2 + "\"clean\"[1]: token 259, model has 259 (0-258)");
  EXPECT_EQ(PairFailureWith("clean", {97, -1}), line2 + "\"clean\"[1]: token -1, model has 259 (0-258)");
  EXPECT_THAT(PairFailureWith("clean", {97, UINT64_MAX}), StartsWith(line2 + "\"clean\"[1]: token "));
  EXPECT_EQ(PairFailureWith("correct", 259), line2 + "\"correct\": token 259, model has 259 (0-258)");
  EXPECT_EQ(PairFailureWith("correct", {" one", -5}), line2 + "\"correct\"[1]: token -5, model has 259 (0-258)");
  EXPECT_THAT(PairFailureWith("correct", " 15x"),
              StartsWith(line2 + "\"correct\": \" 15x\" is 4 tokens; an answer must"));
  EXPECT_THAT(PairFailureWith("incorrect", {" one", " 15x"}),
              StartsWith(line2 + "\"incorrect\"[1]: \" 15x\" is 4 tokens"));
}

TEST(TokenizePairsTest, FirstTokenCountsIfAskedFor) {
  json pair = GoodPair();
  pair["correct"] = {"xy", "xz", " one"};
  const auto pairs = TokenizePairs(Toy().vocabulary(), pair.dump(),
                                   {.num_samples = 1, .multi_token_answers = MultiTokenAnswers::kFirstToken});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_THAT((*pairs)[0].correct, ElementsAre('x', 256));
}

TEST(TokenizePairsTest, ModelWithoutTokenizerTakesTokensOnly) {
  const ToyModel toy = Toy();
  const ModelVocabulary model{nullptr, &toy.config};
  EXPECT_TRUE(
      TokenizePairs(model, R"({"clean": [1, 2], "corrupted": [3, 2], "correct": 5, "incorrect": [6]})", {}).ok());
  EXPECT_THAT(
      Failure(TokenizePairs(model, kGoodPair, {})),
      StartsWith("INVALID_ARGUMENT: prompts.pairs_dataset_sha256: line 1: \"clean\": is text, but the model has "
                 "no tokenizer"));
  EXPECT_THAT(
      Failure(TokenizePairs(model, R"({"clean": [1], "corrupted": [3], "correct": " one", "incorrect": 6})", {})),
      HasSubstr("\"correct\": is text"));
}

TEST(TokenizePublishedTest, PairsPublishedRows) {
  const ModelVocabulary model = Gpt2Vocabulary::Get();
  for (const std::string task : {"numerals", "numwords", "months"}) {
    std::vector<std::string> clean;
    for (const std::string variant : {"done", "lost", "names"}) {
      clean.push_back(ReadPrompts(absl::StrCat(task, "_prompts_", variant, ".jsonl")));
    }
    const std::string corrupted = ReadPrompts(absl::StrCat("randDS_", task, ".jsonl"));
    const auto rows = [](const std::string& jsonl) {
      std::vector<json> result;
      std::istringstream stream(jsonl);
      for (std::string line; std::getline(stream, line);) result.push_back(json::parse(line));
      return result;
    };
    const std::vector<json> corrupted_rows = rows(corrupted);

    const std::vector<absl::string_view> clean_files(clean.begin(), clean.end());
    const auto pairs = TokenizePublished(model, clean_files, corrupted, {.num_samples = 32});
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    ASSERT_EQ(pairs->size(), 96u);
    for (int variant = 0; variant < 3; ++variant) {
      const std::vector<json> clean_rows = rows(clean[variant]);
      for (int i = 0; i < 32; ++i) {
        const PromptPair& pair = (*pairs)[variant * 32 + i];
        EXPECT_EQ(Decode(*model.tokenizer, pair.clean), clean_rows[i]["text"]);
        EXPECT_EQ(Decode(*model.tokenizer, pair.corrupted), corrupted_rows[variant * 512 + i]["text"]);
        EXPECT_EQ(Decode(*model.tokenizer, pair.correct), clean_rows[i]["corr"]);
        EXPECT_EQ(Decode(*model.tokenizer, pair.incorrect), clean_rows[i]["incorr"]);
      }
    }
    // Without a count, all that pair: 1024 clean rows of each variant, but 512 corrupted ones.
    const auto all = TokenizePublished(model, clean_files, corrupted, {});
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(all->size(), 3u * 512);
    EXPECT_EQ(Failure(TokenizePublished(model, clean_files, corrupted, {.num_samples = 513})),
              "INVALID_ARGUMENT: prompts.num_samples: 513, the corrupted file's share of "
              "prompts.published.clean_dataset_sha256s[0] has 512 prompts");
  }
}

TEST(TokenizePublishedTest, CleanFileAnswersCount) {
  const auto pairs = TokenizePublished(Toy().vocabulary(), {kGoodPublished},
                                       R"({"text": "b two", "corr": " ten", "incorr": " ten"})", {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_THAT((*pairs)[0].corrupted, ElementsAre('b', 257));
  EXPECT_THAT((*pairs)[0].correct, ElementsAre(256));
  EXPECT_THAT((*pairs)[0].incorrect, ElementsAre(257));
}

TEST(TokenizePublishedTest, NamesFileLineAndKey) {
  const ToyModel toy = Toy();
  const auto failure = [&](const std::vector<absl::string_view>& clean, const std::string& corrupted,
                           const PromptSetOptions& options = {}) {
    return Failure(TokenizePublished(toy.vocabulary(), clean, corrupted, options));
  };
  const std::string good = kGoodPublished;
  const std::string clean1 = "INVALID_ARGUMENT: prompts.published.clean_dataset_sha256s[1]: ";
  const std::string corrupted = "INVALID_ARGUMENT: prompts.published.corrupted_dataset_sha256: ";
  EXPECT_EQ(failure({}, good), "INVALID_ARGUMENT: prompts.published.clean_dataset_sha256s: no files of clean prompts");
  EXPECT_EQ(failure({good}, ""), corrupted + "the file has no prompts");
  EXPECT_EQ(failure({good, ""}, good + "\n" + good), clean1 + "the file has no prompts");
  EXPECT_THAT(failure({good, good}, good), StartsWith(corrupted + "1 prompts, must be a multiple of the 2 files"));
  EXPECT_EQ(failure({good, "{}"}, good + "\n" + good), clean1 + "line 1: \"text\" is missing");
  EXPECT_EQ(failure({good, good}, good + "\n\n{}"), corrupted + "line 3: \"text\" is missing");
  EXPECT_EQ(failure({good, good}, good + R"(
      {"text": "aa one", "corr": " one", "incorr": " two"})"),
            corrupted + "line 2: \"text\": 3 tokens, but its clean partner has 2: a pair's lengths must be equal");
  EXPECT_THAT(failure({good, R"({"text": "a one", "corr": " 15x", "incorr": " two"})"}, good + "\n" + good),
              StartsWith(clean1 + "line 1: \"corr\": \" 15x\" is 4 tokens"));
  EXPECT_EQ(failure({good}, good, {.num_samples = 2}),
            "INVALID_ARGUMENT: prompts.num_samples: 2, prompts.published.clean_dataset_sha256s[0] has 1 prompts");
  EXPECT_EQ(failure({good}, good, {.num_samples = 1'000'000'000}),
            "INVALID_ARGUMENT: prompts.num_samples: 1000000000, must be 1-4096");
  EXPECT_EQ(failure({good, good}, good + "\n" + good, {.max_tokens = 11}),
            clean1 + "the first 2 pairs have 12 tokens, answers included; a job has at most 11");
}

TEST(TokenizePublishedTest, PassesOverCorruptedRowsWithoutPartner) {
  const std::string clean = kGoodPublished;
  const auto row = [](const char* text) {
    return absl::StrCat(R"({"text": ")", text, R"( two", "corr": " ten", "incorr": " ten"})", "\n");
  };
  const auto pairs = TokenizePublished(Toy().vocabulary(), {clean, clean},
                                       absl::StrCat(row("p"), row("q"), "\n", row("r"), row("s")), {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_THAT((*pairs)[0].corrupted, ElementsAre('p', 257));
  EXPECT_THAT((*pairs)[1].corrupted, ElementsAre('r', 257));
}

}  // namespace
}  // namespace circuitd
