// Hooks of several requests whose prompts share a batch: each sees its own rows, as if it were alone.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/model/gpt2.h"

namespace circuitd {

// Not thread-safe.
class JointHooks : public Hooks {
 public:
  // The next `rows` of the batch, of prompts of up to `length` tokens, are those of `hooks`, which outlive this. They
  // see values without the padding that longer prompts of others ask for.
  void Add(Hooks& hooks, int64_t rows, int64_t length);

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

 private:
  struct Part {
    Hooks* hooks;
    int64_t begin, rows, length;
  };

  std::vector<Part> parts_;
};

}  // namespace circuitd
