// Path patching: the same as freezing, patching and running the whole model in three passes.
#include "server/patching/path_patching.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "tests/unit/patching/pair_prompts.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::MixedPairs;
using testing::MixedPairsAndEqualOne;
using testing::TinyModel;

const Node kEmbed{Node::Kind::kEmbed, 0, 0, Node::Input::kNone};
const Node kLogits{Node::Kind::kLogits, 0, 0, Node::Input::kNone};
constexpr Node Mlp(int layer) { return {Node::Kind::kMlp, layer, 0, Node::Input::kNone}; }
constexpr Node Head(int layer, int head, Node::Input input = Node::Input::kNone) {
  return {Node::Kind::kHead, layer, head, input};
}
constexpr auto kQ = Node::Input::kQ;
constexpr auto kK = Node::Input::kK;
constexpr auto kV = Node::Input::kV;

using Values = std::map<std::pair<HookKind, int>, at::Tensor>;

// Keeps z, q, k, v and mlp_out as they are computed; then freezes z and, unless MLPs are recomputed, mlp_out.
class FreezingHooks : public Hooks {
 public:
  // Frozen to `clean`, those of `senders` to `corrupted`; without `clean` nothing is frozen.
  FreezingHooks(const Values* clean, const Values* corrupted, std::set<Node> senders, PathFreeze freeze)
      : clean_(clean), corrupted_(corrupted), senders_(std::move(senders)), freeze_(freeze) {}

  bool Wants(HookPoint) const override { return true; }
  void Visit(HookPoint point, at::Tensor& value) override {
    const std::pair<HookKind, int> key{point.kind, point.layer};
    computed_[key] = value;
    if (clean_ == nullptr) return;
    if (point.kind == HookKind::kZ) {
      value = clean_->at(key).clone();
      for (int head = 0; head < value.size(2); ++head) {
        if (senders_.count(Head(point.layer, head)) > 0)
          value.select(2, head).copy_(corrupted_->at(key).select(2, head));
      }
    } else if (point.kind == HookKind::kMlpOut) {
      if (senders_.count(Mlp(point.layer)) > 0) {
        value = corrupted_->at(key);
      } else if (freeze_ == PathFreeze::kAll) {
        value = clean_->at(key);
      }
    }
  }

  const Values& computed() const { return computed_; }

 private:
  const Values* const clean_;
  const Values* const corrupted_;
  const std::set<Node> senders_;
  const PathFreeze freeze_;
  Values computed_;
};

// Replaces a receiver's q, k or v, or its MLP's output, by what the frozen run computed there.
class ReceiverHooks : public Hooks {
 public:
  ReceiverHooks(const Node& receiver, const Values& frozen) : receiver_(receiver), frozen_(frozen) {}

  bool Wants(HookPoint point) const override { return point == Point(); }
  void Visit(HookPoint point, at::Tensor& value) override {
    const at::Tensor& changed = frozen_.at({point.kind, point.layer});
    if (receiver_.kind == Node::Kind::kMlp) {
      value = changed;
    } else {
      value = value.clone();
      value.select(2, receiver_.head).copy_(changed.select(2, receiver_.head));
    }
  }

 private:
  HookPoint Point() const {
    if (receiver_.kind == Node::Kind::kMlp) return {HookKind::kMlpOut, receiver_.layer};
    const auto kind = receiver_.input == kQ ? HookKind::kQ : receiver_.input == kK ? HookKind::kK : HookKind::kV;
    return {kind, receiver_.layer};
  }

  const Node& receiver_;
  const Values& frozen_;
};

class PathPatchingTest : public ::testing::Test {
 protected:
  PathPatchingResult Run(int64_t budget = 1 << 30) {
    const absl::Status valid = ValidatePathPatching(model_->config(), request_);
    EXPECT_TRUE(valid.ok()) << valid;
    auto result = RunPathPatching(*model_, request_, {budget, nullptr}, nullptr);
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value();
  }

  // The metric of a pair by three whole passes.
  double Plain(const PromptPair& pair, const std::set<Node>& senders, const Node& receiver) const {
    const c10::InferenceMode guard;
    const Gpt2& network = model_->network();
    const PaddedPrompts clean = Pad({pair.clean}, at::kCPU), corrupted = Pad({pair.corrupted}, at::kCPU);
    FreezingHooks clean_run(nullptr, nullptr, {}, request_.freeze),
        corrupted_run(nullptr, nullptr, {}, request_.freeze);
    const at::Tensor clean_logits = LastLogits(network, network.Run(clean.tokens, &clean_run), clean);
    network.Run(corrupted.tokens, &corrupted_run);
    FreezingHooks frozen(&clean_run.computed(), &corrupted_run.computed(), senders, request_.freeze);
    at::Tensor residual = network.Run((senders.count(kEmbed) > 0 ? corrupted : clean).tokens, &frozen);
    if (receiver.kind != Node::Kind::kLogits) {
      ReceiverHooks hooks(receiver, frozen.computed());
      residual = network.Run(clean.tokens, &hooks);
    }
    const std::vector<Answer> answers = {{pair.correct, pair.incorrect}};
    return MetricPerPrompt(request_.metric, LastLogits(network, residual, clean), clean_logits, answers)[0];
  }

  // All paths of the result against whole passes.
  void ExpectPlain(const PathPatchingResult& result) const {
    for (const PathEffect& path : result.paths) {
      std::set<Node> senders(request_.senders.begin(), request_.senders.end());
      if (path.sender) {
        senders = {*path.sender};
      } else if (senders.empty()) {
        senders = all_senders_;
      }
      double sum = 0;
      ASSERT_EQ(path.per_prompt.size(), request_.pairs.size());
      for (size_t i = 0; i < request_.pairs.size(); ++i) {
        const double expected = Plain(request_.pairs[i], senders, path.receiver);
        ASSERT_NEAR(path.per_prompt[i], expected, 1e-5 * (1 + std::abs(expected)))
            << (path.sender ? NodeName(*path.sender) : "all") << "->" << NodeName(path.receiver) << " " << i;
        sum += path.per_prompt[i];
      }
      EXPECT_DOUBLE_EQ(path.mean, sum / static_cast<double>(request_.pairs.size()));
    }
  }

  std::string Refusal() const { return std::string(ValidatePathPatching(model_->config(), request_).message()); }

  static std::set<Node> AllSenders() {
    std::set<Node> all = {kEmbed};
    for (int layer = 0; layer < 3; ++layer) {
      all.insert(Mlp(layer));
      for (int head = 0; head < 4; ++head) all.insert(Head(layer, head));
    }
    return all;
  }

  const std::unique_ptr<Model> model_ = TinyModel(7);
  const std::set<Node> all_senders_ = AllSenders();
  PathPatchingRequest request_{MixedPairs(), {}, {kLogits}, PathFreeze::kAll, false, Metric::kLogitDiff};
};

TEST_F(PathPatchingTest, NamesNodes) {
  EXPECT_EQ(NodeName(kEmbed), "embed");
  EXPECT_EQ(NodeName(kLogits), "logits");
  EXPECT_EQ(NodeName(Mlp(9)), "M9");
  EXPECT_EQ(NodeName(Head(5, 1)), "A5.1");
  EXPECT_EQ(NodeName(Head(7, 11, kQ)), "A7.11.q");
  EXPECT_EQ(NodeName(Head(7, 11, kK)), "A7.11.k");
  EXPECT_EQ(NodeName(Head(7, 11, kV)), "A7.11.v");
}

TEST_F(PathPatchingTest, EqualsWholePassesAlongEveryPath) {
  request_.receivers = {Head(2, 1, kV), kLogits, Mlp(1), Head(0, 3, kQ),
                        Head(1, 0, kK), Mlp(2),  Mlp(0), Head(2, 2, kQ)};
  for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
    for (const bool together : {false, true}) {
      request_.freeze = freeze;
      request_.senders_together = together;
      ExpectPlain(Run());
    }
  }
}

TEST_F(PathPatchingTest, EqualsWholePassesInEveryMetric) {
  request_.receivers = {Head(1, 2, kK), kLogits};
  request_.freeze = PathFreeze::kHeads;
  for (const Metric metric : {Metric::kProbDiff, Metric::kKlDiv, Metric::kNll, Metric::kRank, Metric::kAccuracy}) {
    request_.metric = metric;
    ExpectPlain(Run());
  }
}

TEST_F(PathPatchingTest, PatchesSomeSendersAtOnce) {
  request_.senders = {Mlp(0), Head(0, 2), kEmbed};
  request_.receivers = {Head(2, 0, kQ), Mlp(1), kLogits};
  request_.senders_together = true;
  for (const PathFreeze freeze : {PathFreeze::kAll, PathFreeze::kHeads}) {
    request_.freeze = freeze;
    ExpectPlain(Run());
  }
}

TEST_F(PathPatchingTest, DoesNotDependOnMicroBatches) {
  request_.pairs = MixedPairsAndEqualOne();
  request_.receivers = {Head(1, 1, kV), Mlp(1), kLogits};
  request_.freeze = PathFreeze::kHeads;
  for (const int64_t budget : {1, 100'000, 1 << 30}) ExpectPlain(Run(budget));
}

TEST_F(PathPatchingTest, GivesTheCorruptedMetricForAllSendersIntoLogits) {
  request_.senders_together = true;
  const PathPatchingResult result = Run();
  ASSERT_EQ(result.paths.size(), 1u);
  EXPECT_FALSE(result.paths[0].sender.has_value());
  for (size_t i = 0; i < request_.pairs.size(); ++i) {
    EXPECT_NEAR(result.paths[0].per_prompt[i], result.corrupted[i], 1e-5 * (1 + std::abs(result.corrupted[i])));
    EXPECT_GT(std::abs(result.corrupted[i] - result.clean[i]), 1e-3);
  }
}

TEST_F(PathPatchingTest, GivesExactlyTheCleanMetricWhereASenderIsTheSame) {
  request_.pairs = MixedPairsAndEqualOne();
  request_.receivers = {Head(1, 1, kV), Mlp(1), kLogits};
  request_.freeze = PathFreeze::kHeads;
  const PathPatchingResult result = Run();
  for (const PathEffect& path : result.paths) EXPECT_EQ(path.per_prompt[1], result.clean[1]);
  // The embedding of the last position is the same in the last pair, and all that logits read of it.
  request_.senders = {kEmbed};
  request_.receivers = {kLogits};
  request_.freeze = PathFreeze::kAll;
  EXPECT_EQ(Run().paths[0].per_prompt[3], result.clean[3]);
}

TEST_F(PathPatchingTest, RunsNothingForEqualPrompts) {
  request_.pairs = {{{3, 1, 4, 1}, {3, 1, 4, 1}, {5}, {9}, {}}};
  int forward_passes = 0;
  uint64_t counted = 0;
  const ForwardOptions options{1 << 30, [&] {
                                 ++forward_passes;
                                 return absl::OkStatus();
                               }};
  const auto result = RunPathPatching(*model_, request_, options, [&](uint64_t done, uint64_t) { counted = done; });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(forward_passes, 2);
  EXPECT_EQ(counted, 16u);
  for (const PathEffect& path : result->paths) EXPECT_THAT(path.per_prompt, Each(result->clean[0]));
}

TEST_F(PathPatchingTest, ListsPathsReceiverByReceiver) {
  request_.receivers = {Mlp(0), Head(1, 2, kQ)};
  std::vector<std::string> names;
  for (const PathEffect& path : Run().paths) {
    names.push_back(NodeName(*path.sender) + "->" + NodeName(path.receiver));
  }
  EXPECT_THAT(names, ElementsAre("embed->M0", "A0.0->M0", "A0.1->M0", "A0.2->M0", "A0.3->M0", "embed->A1.2.q",
                                 "A0.0->A1.2.q", "A0.1->A1.2.q", "A0.2->A1.2.q", "A0.3->A1.2.q", "M0->A1.2.q"));
  EXPECT_EQ(PathPatchingRuns(model_->config(), request_), names.size());

  request_.senders = {Head(0, 1), kEmbed};
  const PathPatchingResult result = Run();
  ASSERT_EQ(result.paths.size(), 4u);
  EXPECT_EQ(result.paths[0].sender, Head(0, 1));
  EXPECT_EQ(result.paths[1].sender, kEmbed);
  EXPECT_EQ(PathPatchingRuns(model_->config(), request_), 4u);
  ExpectPlain(result);
}

TEST_F(PathPatchingTest, CountsPathsUpToAllOfThem) {
  request_.receivers = {Head(2, 1, kV), kLogits, Mlp(1)};
  for (const int64_t budget : {1 << 30, 1}) {
    std::vector<uint64_t> counts;
    const uint64_t total = PathPatchingRuns(model_->config(), request_);
    ASSERT_TRUE(RunPathPatching(*model_, request_, {budget, nullptr}, [&](uint64_t done, uint64_t of) {
                  EXPECT_EQ(of, total);
                  EXPECT_TRUE(counts.empty() || done > counts.back());
                  counts.push_back(done);
                }).ok());
    ASSERT_FALSE(counts.empty());
    EXPECT_EQ(counts.back(), total);
  }
}

TEST_F(PathPatchingTest, TriesAgainInHalvesWhereMemoryIsShort) {
  request_.receivers = {Head(2, 1, kV), kLogits};
  int calls = 0;
  const ForwardOptions options{
      1 << 30, [&] { return ++calls == 4 ? absl::ResourceExhaustedError("short of memory") : absl::OkStatus(); }};
  const auto result = RunPathPatching(*model_, request_, options, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(calls, 4);
  ExpectPlain(*result);
}

TEST_F(PathPatchingTest, StopsAtTheCheckpoint) {
  request_.receivers = {Head(2, 1, kV), kLogits};
  int left = 4;
  const ForwardOptions options{1 << 30, [&] { return --left > 0 ? absl::OkStatus() : absl::CancelledError("enough"); }};
  EXPECT_EQ(RunPathPatching(*model_, request_, options, nullptr).status().message(), "enough");
}

TEST_F(PathPatchingTest, RejectsNodesOfTheWrongKind) {
  request_.receivers = {};
  EXPECT_EQ(Refusal(), "receivers: none, at least 1 is needed");
  request_.receivers = {kLogits, kEmbed};
  EXPECT_EQ(Refusal(), "receivers[1].kind: embed is a sender; heads, MLPs and logits receive");
  request_.receivers = {Head(1, 1)};
  EXPECT_EQ(Refusal(), "receivers[0].input: none, a head receives by q, k or v");
  request_.receivers = {{Node::Kind::kMlp, 1, 0, kQ}};
  EXPECT_EQ(Refusal(), "receivers[0].input: only heads have one");
  request_.receivers = {kLogits};
  request_.senders = {kLogits};
  EXPECT_EQ(Refusal(), "senders[0].kind: logits are a receiver; embed, heads and MLPs send");
  request_.senders = {Head(0, 0, kQ)};
  EXPECT_EQ(Refusal(), "senders[0].input: a sender has none");
}

TEST_F(PathPatchingTest, RejectsNodesOutOfRangeOrThereTwice) {
  request_.receivers = {Head(3, 0, kQ)};
  EXPECT_EQ(Refusal(), "receivers[0].layer: 3, model has 3 (0-2)");
  request_.receivers = {Head(0, -1, kQ)};
  EXPECT_EQ(Refusal(), "receivers[0].head: -1, model has 4 (0-3)");
  request_.receivers = {kLogits};
  request_.senders = {Mlp(std::numeric_limits<int>::min())};
  EXPECT_EQ(Refusal(), "senders[0].layer: -2147483648, model has 3 (0-2)");
  request_.senders = {Mlp(1), {Node::Kind::kMlp, 1, 3, Node::Input::kNone}};
  EXPECT_EQ(Refusal(), "senders[1]: M1 is there twice");
  request_.senders = {};
  request_.receivers = {Head(1, 2, kQ), Head(1, 2, kK), Head(1, 2, kQ)};
  EXPECT_EQ(Refusal(), "receivers[2]: A1.2.q is there twice");
}

TEST_F(PathPatchingTest, RejectsSendersThatAReceiverDoesNotRead) {
  request_.senders = {Head(1, 0)};
  request_.receivers = {kLogits, Mlp(1)};
  EXPECT_EQ(Refusal(), "");
  request_.receivers = {kLogits, Head(1, 1, kQ)};
  EXPECT_EQ(Refusal(), "senders[0]: A1.0 is not below receivers[1], A1.1.q");
  request_.senders = {kEmbed, Mlp(1)};
  request_.receivers = {Mlp(1)};
  EXPECT_EQ(Refusal(), "senders[1]: M1 is not below receivers[0], M1");
}

TEST_F(PathPatchingTest, RejectsPairsWithoutCorruptedPrompts) {
  request_.pairs[2].corrupted.clear();
  EXPECT_EQ(Refusal(), "prompts[2].corrupted: none, patching needs one for each clean prompt");
}

TEST_F(PathPatchingTest, RejectsMorePathsThanOneRequestMayHave) {
  ModelConfig config = model_->config();
  config.n_layers = 48;
  config.n_heads = 25;
  request_.receivers.clear();
  for (int layer = 0; layer < 48; ++layer) {
    for (int head = 0; head < 25; ++head) {
      for (const auto input : {kQ, kK, kV}) request_.receivers.push_back(Head(layer, head, input));
    }
  }
  EXPECT_EQ(ValidatePathPatching(config, request_).message(), "receivers: 2203200 paths, must be at most 1000000");
  request_.senders_together = true;
  EXPECT_TRUE(ValidatePathPatching(config, request_).ok());
}

}  // namespace
}  // namespace circuitd
