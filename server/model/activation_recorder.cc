#include "server/model/activation_recorder.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/logit_readout.h"

namespace circuitd {

ActivationRecorder::ActivationRecorder(const Gpt2& network, const CaptureSelection& selection,
                                       absl::Span<const std::vector<int>> prompts,
                                       absl::Span<const std::vector<int>> positions, Hooks* inner)
    : inner_(inner), dtype_(network.dtype()) {
  if (selection.hooks.empty()) return;
  for (const HookPoint hook : selection.hooks) hooks_.emplace(hook.layer, hook.kind);
  std::vector<int64_t> batch, pos;
  for (size_t i = 0; i < prompts.size(); ++i) {
    lengths_.push_back(static_cast<int64_t>(prompts[i].size()));
    position_counts_.push_back(static_cast<int64_t>(positions[i].size()));
    batch.insert(batch.end(), positions[i].size(), static_cast<int64_t>(i));
    pos.insert(pos.end(), positions[i].begin(), positions[i].end());
  }
  batch_ = at::tensor(batch, at::kLong).to(network.device());
  pos_ = at::tensor(pos, at::kLong).to(network.device());
  takes_all_ = selection.heads.empty() && position_counts_ == lengths_;
  if (!selection.heads.empty()) heads_ = at::tensor(selection.heads, at::kLong).to(network.device());
}

bool ActivationRecorder::Wants(HookPoint point) const {
  return hooks_.count({point.layer, point.kind}) > 0 || (inner_ != nullptr && inner_->Wants(point));
}

void ActivationRecorder::Visit(HookPoint point, at::Tensor& value) {
  if (inner_ != nullptr && inner_->Wants(point)) inner_->Visit(point, value);
  if (hooks_.count({point.layer, point.kind}) == 0) return;
  // From the device in one piece; what is on the host already is taken from where it lies, if all of it is wanted.
  const bool in_place = value.is_cpu() && takes_all_;
  recorded_.push_back(
      {point, in_place ? WholePrompts(point, value) : ByPrompt(point, Slices(point, value).to(dtype_).cpu())});
}

std::vector<HostTensor> ActivationRecorder::WholePrompts(HookPoint point, const at::Tensor& value) const {
  const at::Tensor all = value.to(dtype_).contiguous();
  std::vector<HostTensor> prompts;
  for (size_t i = 0; i < lengths_.size(); ++i) {
    const at::Tensor own = all[static_cast<int64_t>(i)];
    const bool attention = AxesOf(point.kind) == HookAxes::kHeadsQueryKey;
    const at::Tensor unpadded =
        attention ? own.narrow(1, 0, lengths_[i]).narrow(2, 0, lengths_[i]) : own.narrow(0, 0, lengths_[i]);
    prompts.push_back(ToHost(unpadded));
  }
  return prompts;
}

at::Tensor ActivationRecorder::Slices(HookPoint point, const at::Tensor& value) const {
  const at::Tensor by_position = AxesOf(point.kind) == HookAxes::kHeadsQueryKey ? value.transpose(1, 2) : value;
  if (AxesOf(point.kind) == HookAxes::kPos || !heads_.defined()) return by_position.index({batch_, pos_});
  return by_position.index({batch_.unsqueeze(1), pos_.unsqueeze(1), heads_.unsqueeze(0)});
}

std::vector<HostTensor> ActivationRecorder::ByPrompt(HookPoint point, const at::Tensor& slices) const {
  std::vector<HostTensor> prompts;
  int64_t begin = 0;
  for (size_t i = 0; i < lengths_.size(); ++i) {
    at::Tensor slice = slices.narrow(0, begin, position_counts_[i]);
    if (AxesOf(point.kind) == HookAxes::kHeadsQueryKey) {
      slice = slice.narrow(2, 0, lengths_[i]).transpose(0, 1);  // [heads, query, key]
    }
    prompts.push_back(ToHost(slice));
    begin += position_counts_[i];
  }
  return prompts;
}

absl::Status ActivationRecorder::SinkPrompt(size_t row, size_t number, const TensorSink& sink) {
  for (Recorded& recorded : recorded_) {
    RETURN_IF_ERROR(sink(absl::StrCat(HookPointName(recorded.hook), "/", number), std::move(recorded.prompts[row])));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
