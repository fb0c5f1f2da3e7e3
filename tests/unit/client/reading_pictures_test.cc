// What `attn`, `sweep`, `dla` and `lens` look like on terminals of 80 and 200 columns, and without colours in a file.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/run_on_terminal.h"

namespace circuitd::client {
namespace {

using testing::HasSubstr;

// Text as it is, and cells without any as letters by their colour: 0 to 9 from white to dark blue, a to j to dark red.
std::string WithoutColours(const std::string& text) {
  constexpr absl::string_view kBlock = "█";
  std::string plain = "\n";
  char shade = '?';
  for (size_t at = 0; at < text.size(); ++at) {
    int red = 0, green = 0, blue = 0;
    if (text[at] == '\x1b') {
      if (std::sscanf(text.c_str() + at, "\x1b[38;2;%d;%d;%dm", &red, &green, &blue) == 3) {
        const int level = (255 - (red + green + blue) / 3) / 26;
        shade = static_cast<char>((red > blue ? 'a' : '0') + level);
      }
      at = text.find('m', at);
    } else if (absl::StartsWith(absl::string_view(text).substr(at), kBlock)) {
      plain.push_back(shade);
      at += kBlock.size() - 1;
    } else {
      plain.push_back(text[at]);
    }
  }
  return plain;
}

class ReadingPicturesTest : public testing::Test {
 protected:
  std::string At(unsigned short columns, const std::vector<std::string>& words) {
    return WithoutColours(RunOnTerminal(server_, words, columns));
  }
  std::string InAFile(const std::vector<std::string>& words) {
    const CommandRun run = RunCommand(server_, words);
    EXPECT_TRUE(run.ok()) << run.status();
    return absl::StrCat("\n", run.out);
  }

  ScriptedServer server_;
};

const std::vector<std::string>& Words() {
  static const std::vector<std::string> words = {" Van", " done", " in",  " 1",  ".",  " Hat", " done", " in",
                                                 " 2",   ".",     " Sun", " in", " 3", ".",    " Desk", " in"};
  return words;
}

// Causal, most of it on the first token and on the diagonal.
std::vector<float> Pattern(size_t length) {
  std::vector<float> pattern;
  for (size_t query = 0; query < length; ++query) {
    for (size_t key = 0; key < length; ++key) {
      const float rest = 0.5F / static_cast<float>(query + 1);
      pattern.push_back(key > query ? 0 : rest + (key == 0 ? 0.25F : 0) + (key == query ? 0.25F : 0));
    }
  }
  return pattern;
}

TEST_F(ReadingPicturesTest, ShowAttention) {
  v1::ReadAttentionSummary summary;
  summary.add_layers(1);
  summary.add_heads(0);
  summary.add_heads(1);
  v1::ReadAttentionSummary patterns = summary;
  patterns.clear_heads();
  patterns.add_heads(1);
  const auto length = static_cast<int64_t>(Words().size());
  for (const std::string& word : Words()) *patterns.add_tokens() = MakeToken(1, word);
  (*patterns.mutable_roles())["last_member"] = 12;
  (*patterns.mutable_roles())["end"] = 15;
  for (int i = 0; i < 3; ++i) {
    std::vector<v1::TensorChunk> scores;
    for (const char* name : {"previous_token", "duplicate_token", "induction"}) {
      scores.push_back(FloatChunk(name, {1, 2}, {0.125F, 0.75F}));
    }
    server_.readings.attention.Add({Messages<v1::ReadAttentionResponse>(summary, scores), grpc::Status::OK});
    server_.readings.attention.Add(
        {Messages<v1::ReadAttentionResponse>(
             patterns, {FloatChunk("pattern/mean", {1, 1, length, length}, Pattern(Words().size()))}),
         grpc::Status::OK});
  }
  const std::vector<std::string> words = {"attn", "-m", "m", "-t", "numerals", "--head", "1.1", "--highlight", "late"};
  EXPECT_EQ(At(80, words), R"(
   previous_token        duplicate_token        induction
1  A1.1            0.75  A1.1             0.75  A1.1       0.75
2  A1.0            0.12  A1.0             0.12  A1.0       0.12

A1.1 pattern/mean  [query x key]
             0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
                "              "                       "
             "              "              "
                d  "           d  "           "        D  "
             V  o     "     H  o     "     S     "     e
             a  n  i     "  a  n  i     "  u  i     "  s  i
             n  e  n  1  .  t  e  n  2  .  n  n  3  .  k  n
             "  "  "  "  "  "  "  "  "  "  "  "  "  "  "  "
  0 " Van" 777000000000000000000000000000000000000000000000
 1 " done" 333333000000000000000000000000000000000000000000
   2 " in" 222111222000000000000000000000000000000000000000
    3 " 1" 222000000222000000000000000000000000000000000000
     4 "." 222000000000222000000000000000000000000000000000
  5 " Hat" 222000000000000222000000000000000000000000000000
 6 " done" 111000000000000000111000000000000000000000000000
   7 " in" 111000000000000000000111000000000000000000000000
    8 " 2" 111000000000000000000000111000000000000000000000
     9 "." 111000000000000000000000000111000000000000000000
 10 " Sun" 111000000000000000000000000000111000000000000000
  11 " in" 111000000000000000000000000000000111000000000000
   12 " 3" 111000000000000000000000000000000000111000000000
    13 "." 111000000000000000000000000000000000000111000000
14 " Desk" 111000000000000000000000000000000000000000111000
  15 " in" 111000000000000000000000000000000000*  000000111
           0.00 00001112233445556677 1.00  * end:last_member
)");
  EXPECT_EQ(At(200, words), R"(
   previous_token        duplicate_token        induction
1  A1.1            0.75  A1.1             0.75  A1.1       0.75
2  A1.0            0.12  A1.0             0.12  A1.0       0.12

A1.1 pattern/mean  [query x key]
               0    1    2    3    4    5    6    7    8    9   10   11   12   13   14   15
                    "                        "                                       "
               "                        "                        "
                    d    "                   d    "                   "              D    "
               V    o         "         H    o         "         S         "         e
               a    n    i         "    a    n    i         "    u    i         "    s    i
               n    e    n    1    .    t    e    n    2    .    n    n    3    .    k    n
               "    "    "    "    "    "    "    "    "    "    "    "    "    "    "    "
  0 " Van"  1.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
 1 " done"  0.50 0.50 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
   2 " in"  0.42 0.17 0.42 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
    3 " 1"  0.38 0.12 0.12 0.38 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
     4 "."  0.35 0.10 0.10 0.10 0.35 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
  5 " Hat"  0.33 0.08 0.08 0.08 0.08 0.33 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
 6 " done"  0.32 0.07 0.07 0.07 0.07 0.07 0.32 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
   7 " in"  0.31 0.06 0.06 0.06 0.06 0.06 0.06 0.31 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
    8 " 2"  0.31 0.06 0.06 0.06 0.06 0.06 0.06 0.06 0.31 0.00 0.00 0.00 0.00 0.00 0.00 0.00
     9 "."  0.30 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.30 0.00 0.00 0.00 0.00 0.00 0.00
 10 " Sun"  0.30 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.30 0.00 0.00 0.00 0.00 0.00
  11 " in"  0.29 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.29 0.00 0.00 0.00 0.00
   12 " 3"  0.29 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.29 0.00 0.00 0.00
    13 "."  0.29 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.04 0.29 0.00 0.00
14 " Desk"  0.28 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.28 0.00
  15 " in"  0.28 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03 0.03*0.03 0.03 0.03 0.28
           0.00 00001112233445556677 1.00  * end:last_member
)");
  EXPECT_EQ(InAFile(words), R"(
   previous_token        duplicate_token        induction
1  A1.1            0.75  A1.1             0.75  A1.1       0.75
2  A1.0            0.12  A1.0             0.12  A1.0       0.12

A1.1 pattern/mean  [query x key]
               0     1     2     3     4     5     6     7     8     9    10    11    12    13    14    15
           " Van " don                   " Hat " don                   " Sun                   " Des
               "    e" " in"  " 1"   "."     "    e" " in"  " 2"   "."     " " in"  " 3"   "."    k" " in"
  0 " Van"  1.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
 1 " done"  0.50  0.50  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
   2 " in"  0.42  0.17  0.42  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
    3 " 1"  0.38  0.12  0.12  0.38  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
     4 "."  0.35  0.10  0.10  0.10  0.35  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
  5 " Hat"  0.33  0.08  0.08  0.08  0.08  0.33  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
 6 " done"  0.32  0.07  0.07  0.07  0.07  0.07  0.32  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
   7 " in"  0.31  0.06  0.06  0.06  0.06  0.06  0.06  0.31  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
    8 " 2"  0.31  0.06  0.06  0.06  0.06  0.06  0.06  0.06  0.31  0.00  0.00  0.00  0.00  0.00  0.00  0.00
     9 "."  0.30  0.05  0.05  0.05  0.05  0.05  0.05  0.05  0.05  0.30  0.00  0.00  0.00  0.00  0.00  0.00
 10 " Sun"  0.30  0.05  0.05  0.05  0.05  0.05  0.05  0.05  0.05  0.05  0.30  0.00  0.00  0.00  0.00  0.00
  11 " in"  0.29  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.29  0.00  0.00  0.00  0.00
   12 " 3"  0.29  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.29  0.00  0.00  0.00
    13 "."  0.29  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.04  0.29  0.00  0.00
14 " Desk"  0.28  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.28  0.00
  15 " in"  0.28  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03  0.03 *0.03  0.03  0.03  0.28
* end:last_member
)");
}

TEST_F(ReadingPicturesTest, ShowSweeps) {
  v1::RunSweepSummary summary;
  v1::SweepGrid* grid = summary.add_grids();
  grid->set_hook("hook_resid_pre");
  summary.mutable_clean_metric()->set_mean(3);
  summary.mutable_corrupted_metric()->set_mean(-1);
  summary.set_prompts_are_equally_long(true);
  std::vector<float> values;
  for (const std::string& word : Words()) *summary.add_tokens() = MakeToken(1, word);
  for (uint32_t layer = 0; layer < 3; ++layer) {
    grid->add_layers(layer);
    for (size_t position = 0; position < Words().size(); ++position) {
      if (layer == 0) grid->add_columns(static_cast<int32_t>(position));
      values.push_back(position == 12   ? 3.0F - static_cast<float>(layer)
                       : position == 15 ? static_cast<float>(layer)
                                        : -1);
    }
  }
  for (int i = 0; i < 3; ++i) {
    server_.patching.sweep.Add(
        {Messages<v1::RunSweepResponse>(
             summary, {FloatChunk("hook_resid_pre/mean", {3, static_cast<int64_t>(Words().size())}, values)}),
         grpc::Status::OK});
  }
  const std::vector<std::string> words = {"sweep", "-m", "m", "-t", "numerals", "--hook", "hook_resid_pre"};
  EXPECT_EQ(At(80, words), R"(
logit_diff: 3.0000 on clean prompts, -1.0000 on corrupted ones

hook_resid_pre patched: logit_diff  [layer x position]
    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
       "              "                       "
    "              "              "
       d  "           d  "           "        D  "
    V  o     "     H  o     "     S     "     e
    a  n  i     "  a  n  i     "  u  i     "  s  i
    n  e  n  1  .  t  e  n  2  .  n  n  3  .  k  n
    "  "  "  "  "  "  "  "  "  "  "  "  "  "  "  "
0 111111111111111111111111111111111111ggg111111000
1 111111111111111111111111111111111111eee111111bbb
2 111111111111111111111111111111111111bbb111111eee
  -3.00 5544321100aabccdeffg 3.00
)");
  EXPECT_EQ(At(200, words), R"(
logit_diff: 3.0000 on clean prompts, -1.0000 on corrupted ones

hook_resid_pre patched: logit_diff  [layer x position]
       0     1     2     3     4     5     6     7     8     9    10    11    12    13    14    15
   " Van " don                   " Hat " don                   " Sun                   " Des
       "    e" " in"  " 1"   "."     "    e" " in"  " 2"   "."     " " in"  " 3"   "."    k" " in"
0  -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00  3.00 -1.00 -1.00  0.00
1  -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00  2.00 -1.00 -1.00  1.00
2  -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00 -1.00  1.00 -1.00 -1.00  2.00
  -3.00 5544321100aabccdeffg 3.00
)");
  EXPECT_EQ(InAFile(words), R"(
logit_diff: 3.0000 on clean prompts, -1.0000 on corrupted ones

hook_resid_pre patched: logit_diff  [layer x position]
       0      1      2      3      4      5      6      7      8      9     10     11     12     13     14     15
         " done                             " done                                                  " Desk
  " Van"      "  " in"   " 1"    "." " Hat"      "  " in"   " 2"    "." " Sun"  " in"   " 3"    "."      "  " in"
0  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00   3.00  -1.00  -1.00   0.00
1  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00   2.00  -1.00  -1.00   1.00
2  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00  -1.00   1.00  -1.00  -1.00   2.00
)");
}

TEST_F(ReadingPicturesTest, ShowAttributions) {
  v1::AttributeLogitsSummary summary;
  std::vector<float> values;
  for (uint32_t layer = 0; layer < 3; ++layer) {
    for (uint32_t head = 0; head < 12; ++head) {
      v1::Component* component = summary.add_components();
      component->set_kind(v1::COMPONENT_KIND_HEAD);
      component->set_layer(layer);
      component->set_head(head);
      values.push_back(static_cast<float>(layer) * (static_cast<float>(head % 5) - 2) / 8);
    }
    v1::Component* mlp = summary.add_components();
    mlp->set_kind(v1::COMPONENT_KIND_MLP);
    mlp->set_layer(layer);
    values.push_back(1.5F - static_cast<float>(layer));
  }
  summary.mutable_logit_diff()->set_mean(1.25);
  for (int i = 0; i < 3; ++i) {
    server_.readings.attribute.Add({Messages<v1::AttributeLogitsResponse>(
                                        summary, {FloatChunk("mean", {static_cast<int64_t>(values.size())}, values)}),
                                    grpc::Status::OK});
  }
  const std::vector<std::string> words = {"dla", "-m", "m", "-t", "numerals", "--top", "3"};
  EXPECT_EQ(At(80, words), R"(
what heads add to the logit difference  [layer x head]
       0     1     2     3     4     5     6     7     8     9    10    11
0   0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
1  -0.25 -0.12  0.00  0.12  0.25 -0.25 -0.12  0.00  0.12  0.25 -0.25 -0.12
2  -0.50 -0.25  0.00  0.25  0.50 -0.50 -0.25  0.00  0.25  0.50 -0.50 -0.25
  -0.50 5544321100aabccdeffg 0.50

   HEAD
1  A2.0  -0.50
2  A2.4   0.50
3  A2.5  -0.50

COMPONENT     MEAN
M0         +1.5000
M1         +0.5000
M2         -0.5000

all components together: 0.3750; the model's logit difference: 1.2500
)");
  EXPECT_EQ(At(200, words), R"(
what heads add to the logit difference  [layer x head]
       0     1     2     3     4     5     6     7     8     9    10    11
0   0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00  0.00
1  -0.25 -0.12  0.00  0.12  0.25 -0.25 -0.12  0.00  0.12  0.25 -0.25 -0.12
2  -0.50 -0.25  0.00  0.25  0.50 -0.50 -0.25  0.00  0.25  0.50 -0.50 -0.25
  -0.50 5544321100aabccdeffg 0.50

   HEAD
1  A2.0  -0.50
2  A2.4   0.50
3  A2.5  -0.50

COMPONENT     MEAN
M0         +1.5000
M1         +0.5000
M2         -0.5000

all components together: 0.3750; the model's logit difference: 1.2500
)");
  EXPECT_EQ(InAFile(words), R"(
what heads add to the logit difference  [layer x head]
       0      1      2      3      4      5      6      7      8      9     10     11
0   0.00   0.00   0.00   0.00   0.00   0.00   0.00   0.00   0.00   0.00   0.00   0.00
1  -0.25  -0.12   0.00   0.12   0.25  -0.25  -0.12   0.00   0.12   0.25  -0.25  -0.12
2  -0.50  -0.25   0.00   0.25   0.50  -0.50  -0.25   0.00   0.25   0.50  -0.50  -0.25

   HEAD
1  A2.0  -0.50
2  A2.4   0.50
3  A2.5  -0.50

COMPONENT     MEAN
M0         +1.5000
M1         +0.5000
M2         -0.5000

all components together: 0.3750; the model's logit difference: 1.2500
)");
}

TEST_F(ReadingPicturesTest, ShowLayersOfTheLens) {
  v1::RunLogitLensSummary summary;
  for (const char* stage : {"blocks.0.hook_resid_pre", "blocks.10.hook_resid_pre", "blocks.11.hook_resid_post"}) {
    summary.add_hooks(stage);
  }
  v1::LensPrompt* prompt = summary.add_prompts();
  prompt->set_handover(1);
  v1::LensPosition* position = prompt->add_positions();
  position->set_position(15);
  *position->mutable_token() = MakeToken(287, " in");
  for (int layer = 0; layer < 3; ++layer) {
    v1::LensLayer* row = position->add_layers();
    double share = 1;
    for (const char* text : {" November", " 4", " four", " seventeen", " in"}) {
      v1::TokenLogit* entry = row->add_top();
      *entry->mutable_token() = MakeToken(1, text);
      entry->set_log_prob(static_cast<float>(std::log(share)));
      share /= 4 + layer;
    }
  }
  for (int i = 0; i < 3; ++i) {
    server_.readings.lens.Add(
        {Messages<v1::RunLogitLensResponse>(summary, {FloatChunk("logit_diff", {1, 3}, {-1.5F, 0.5F, 3})}),
         grpc::Status::OK});
  }
  const std::vector<std::string> words = {"lens", "-m", "m", "-t", "numerals"};
  EXPECT_EQ(At(80, words), R"(
prompt 0, position 15 " in", handover at 10.resid_pre

    LAYER        TOP 1        TOP 2        TOP 3        TOP 4        TOP 5
    0.resid_pre  100.0% " N~   25.0% " 4"    6.2% " f~    1.6% " s~    0.4% " i~
->  10.resid_p~  100.0% " N~   20.0% " 4"    4.0% " f~    0.8% " s~    0.2% " i~
    11.resid_p~  100.0% " N~   16.7% " 4"    2.8% " f~    0.5% " s~    0.1% " i~

1 prompt: handover, from where on the right answer stays ahead

LAYER          MEAN LOGIT DIFF  HANDOVERS
0.resid_pre             -1.500          0
10.resid_pre             0.500          1
11.resid_post            3.000          0
)");
  EXPECT_EQ(At(200, words), R"(
prompt 0, position 15 " in", handover at 10.resid_pre

    LAYER          TOP 1               TOP 2        TOP 3           TOP 4                TOP 5
    0.resid_pre    100.0% " November"   25.0% " 4"    6.2% " four"    1.6% " seventeen"    0.4% " in"
->  10.resid_pre   100.0% " November"   20.0% " 4"    4.0% " four"    0.8% " seventeen"    0.2% " in"
    11.resid_post  100.0% " November"   16.7% " 4"    2.8% " four"    0.5% " seventeen"    0.1% " in"

1 prompt: handover, from where on the right answer stays ahead

LAYER          MEAN LOGIT DIFF  HANDOVERS
0.resid_pre             -1.500          0
10.resid_pre             0.500          1
11.resid_post            3.000          0
)");
  EXPECT_EQ(InAFile(words), R"(
prompt 0, position 15 " in", handover at 10.resid_pre

    LAYER          TOP 1               TOP 2        TOP 3           TOP 4                TOP 5
    0.resid_pre    100.0% " November"   25.0% " 4"    6.2% " four"    1.6% " seventeen"    0.4% " in"
->  10.resid_pre   100.0% " November"   20.0% " 4"    4.0% " four"    0.8% " seventeen"    0.2% " in"
    11.resid_post  100.0% " November"   16.7% " 4"    2.8% " four"    0.5% " seventeen"    0.1% " in"

1 prompt: handover, from where on the right answer stays ahead

LAYER          MEAN LOGIT DIFF  HANDOVERS
0.resid_pre             -1.500          0
10.resid_pre             0.500          1
11.resid_post            3.000          0
)");
}

}  // namespace
}  // namespace circuitd::client
