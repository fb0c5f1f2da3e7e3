// Copies the activations that a request wants to the host while a micro-batch runs.
#pragma once

#include <ATen/ATen.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/model/activation_capture.h"
#include "server/model/forward.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Of one run of one micro-batch. On the device it holds no more than the slice that is being copied; on the host, one
// tensor a hook point and prompt, until it is given away. Not thread-safe.
class ActivationRecorder : public Hooks {
 public:
  // `positions` are the selection's, of each prompt of the micro-batch (none are needed if it has no hooks). `inner`
  // (may be null) sees each value before it is recorded. All but the spans' arrays have to outlive this.
  ActivationRecorder(const Gpt2& network, const CaptureSelection& selection, absl::Span<const std::vector<int>> prompts,
                     absl::Span<const std::vector<int>> positions, Hooks* inner = nullptr);

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

  // Gives `sink` what was recorded of the micro-batch's prompt `row`, as "{hook}/{number}", in forward order: [pos,
  // width], [pos, heads, width] or [heads, query, key], without padding, in the model's dtype. Once for each row.
  absl::Status SinkPrompt(size_t row, size_t number, const TensorSink& sink);

 private:
  struct Recorded {
    HookPoint hook;
    std::vector<HostTensor> prompts;
  };

  // The selected slices, of all prompts one after the other: [rows, width], [rows, heads, width] or [rows, heads, key].
  at::Tensor Slices(HookPoint point, const at::Tensor& value) const;
  std::vector<HostTensor> ByPrompt(HookPoint point, const at::Tensor& slices) const;
  // The same where everything is selected.
  std::vector<HostTensor> WholePrompts(HookPoint point, const at::Tensor& value) const;

  Hooks* const inner_;
  const at::ScalarType dtype_;
  std::set<std::pair<int, HookKind>> hooks_;        // by layer and kind
  std::vector<int64_t> lengths_, position_counts_;  // of each prompt
  bool takes_all_ = false;                          // heads and positions
  // On the device; rows of a slice come from prompt batch_[row] at position pos_[row].
  at::Tensor batch_, pos_;  // [rows] int64
  at::Tensor heads_;        // [heads] int64; undefined for all
  std::vector<Recorded> recorded_;
};

}  // namespace circuitd
