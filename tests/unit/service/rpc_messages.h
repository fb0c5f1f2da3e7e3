// Small requests, and what comes back from server streams.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "circuitd/v1/prompt.pb.h"
#include "circuitd/v1/tensor.pb.h"

namespace circuitd {

inline v1::Prompt Ids(const std::vector<uint32_t>& ids) {
  v1::Prompt prompt;
  prompt.mutable_tokens()->mutable_ids()->Add(ids.begin(), ids.end());
  return prompt;
}

inline v1::Prompt Text(const std::string& text) {
  v1::Prompt prompt;
  prompt.set_text(text);
  return prompt;
}

// Two pairs for "nano", whose answers are the tokens 0 and 1.
inline v1::PromptSource NanoSource() {
  v1::PromptSource source;
  v1::InlinePrompts& prompts = *source.mutable_inline_();
  *prompts.add_clean() = Ids({2, 1, 0, 1});
  *prompts.add_clean() = Ids({0, 0, 1});
  *prompts.add_corrupted() = Ids({2, 2, 0, 1});
  *prompts.add_corrupted() = Ids({1, 0, 1});
  for (int i = 0; i < 2; ++i) {
    v1::Answer& answer = *prompts.add_answers();
    *answer.add_correct() = Ids({0});
    *answer.add_incorrect() = Ids({1});
  }
  return source;
}

// Generated prompts for "seqcont".
inline v1::PromptSource NumeralsSource(uint32_t num_samples) {
  v1::PromptSource source;
  source.mutable_task()->set_task("numerals");
  source.mutable_task()->set_seed(3);
  source.set_num_samples(num_samples);
  return source;
}

template <typename Response, typename Reader>
std::vector<Response> ReadAll(Reader& reader) {
  std::vector<Response> messages;
  for (Response message; reader.Read(&message);) messages.push_back(message);
  return messages;
}

struct ReceivedTensor {
  std::vector<int64_t> shape;
  v1::DataType data_type = v1::DATA_TYPE_UNSPECIFIED;
  std::string data;

  std::vector<float> floats() const {
    EXPECT_EQ(data_type, v1::DATA_TYPE_FLOAT32);
    std::vector<float> values(data.size() / sizeof(float));
    std::memcpy(values.data(), data.data(), values.size() * sizeof(float));
    return values;
  }
};

// The tensors of the messages' chunks, put together.
template <typename Response>
std::map<std::string, ReceivedTensor> TensorsOf(const std::vector<Response>& messages) {
  std::map<std::string, ReceivedTensor> tensors;
  for (const Response& message : messages) {
    if (!message.has_chunk()) continue;
    const v1::TensorChunk& chunk = message.chunk();
    ReceivedTensor& tensor = tensors[chunk.name()];
    EXPECT_EQ(chunk.offset(), tensor.data.size()) << chunk.name();
    tensor.shape.assign(chunk.shape().begin(), chunk.shape().end());
    tensor.data_type = chunk.data_type();
    tensor.data += chunk.data();
  }
  return tensors;
}

inline std::vector<float> AsFloats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

}  // namespace circuitd
