#include "server/service/prompt_pairs_stream.h"

#include <utility>

#include "server/service/prompts.h"

namespace circuitd {
namespace {

constexpr int kMostPairs = 64;
constexpr size_t kEnoughBytes = size_t{256} << 10;

void AddTokens(const std::vector<int>& tokens, const Model& model, google::protobuf::RepeatedPtrField<v1::Token>* out) {
  for (const int token : tokens) *out->Add() = ToProto(token, model);
}

}  // namespace

bool PromptPairsStream::Next(v1::PromptPairs& message) {
  size_t bytes = 0;
  while (sent_ < pairs_.size() && message.pairs_size() < kMostPairs && bytes < kEnoughBytes) {
    v1::PromptPair& out = *message.add_pairs();
    // What has been sent needs no place any more.
    const PromptPair pair = std::move(pairs_[sent_]);
    AddTokens(pair.clean, *model_, out.mutable_clean());
    AddTokens(pair.corrupted, *model_, out.mutable_corrupted());
    AddTokens(pair.correct, *model_, out.mutable_correct());
    AddTokens(pair.incorrect, *model_, out.mutable_incorrect());
    out.mutable_roles()->insert(pair.roles.begin(), pair.roles.end());
    if (!probabilities_.empty()) {
      out.set_correct_probability(probabilities_[sent_].correct);
      out.set_incorrect_probability(probabilities_[sent_].incorrect);
    }
    bytes += out.ByteSizeLong();
    ++sent_;
  }
  return message.pairs_size() > 0;
}

int64_t MemoryOf(const PromptPairs& pairs) {
  // A role's name with its place in the map.
  constexpr size_t kBytesOfRole = 128;
  size_t bytes = 0;
  for (const PromptPair& pair : pairs) {
    const size_t tokens = pair.clean.size() + pair.corrupted.size() + pair.correct.size() + pair.incorrect.size();
    bytes += sizeof pair + tokens * sizeof(int) + pair.roles.size() * kBytesOfRole;
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace circuitd
