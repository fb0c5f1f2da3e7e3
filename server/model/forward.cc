#include "server/model/forward.h"

#include <utility>

#include "base/status.h"
#include "server/model/activation_recorder.h"
#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/joint_run.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

MicroBatchLimits Limits(const Model& model, const ForwardRequest& request, int64_t budget_bytes) {
  const Gpt2& network = model.network();
  MicroBatchLimits limits =
      request.metric ? MetricLimits(network, budget_bytes) : LimitsFor(network.device(), network.dtype(), budget_bytes);
  const int64_t longest = LongestPrompt(request.prompts);
  limits.extra_bytes_per_token = CaptureBytesPerToken(model.config(), request.capture, longest, limits.element_size);
  return limits;
}

class ForwardPart final : public JointPart {
 public:
  ForwardPart(const Model& model, const ForwardRequest& request, Checkpoint check, TensorSink sink,
              ForwardResult& result)
      : model_(model), request_(request), check_(std::move(check)), sink_(std::move(sink)), result_(result) {}

  const std::vector<std::vector<int>>& prompts() const override { return request_.prompts; }
  absl::Status Check() const override { return check_ ? check_() : absl::OkStatus(); }

  absl::Status Prepare(const ForwardOptions&) override {
    if (request_.capture.hooks.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(positions_, SelectPositionsOfAll(request_.capture.positions, request_.prompts, request_.roles));
    return absl::OkStatus();
  }

  MicroBatchLimits Limits(int64_t memory_budget_bytes) const override {
    return circuitd::Limits(model_, request_, memory_budget_bytes);
  }

  void Begin(MicroBatch rows) override {
    rows_ = rows;
    recorder_.emplace(model_.network(), request_.capture, Rows(request_.prompts, rows),
                      positions_.empty() ? absl::Span<const std::vector<int>>() : Rows(positions_, rows));
  }

  Hooks& hooks() override { return *recorder_; }

  absl::Status Read(const BatchRun& run, const BatchRun*) override {
    ASSIGN_OR_RETURN(logits_, ReadLogits(run.last_logits, request_.logits, rows_.begin));
    if (request_.metric) {
      metric_ = MetricPerPrompt(*request_.metric, run.last_logits, {}, Rows(request_.answers, rows_));
    }
    return absl::OkStatus();
  }

  absl::Status Deliver(const BatchRun& run) override {
    Append(result_.prompts, logits_);
    Append(result_.metric, metric_);
    return SinkTensors(model_.network(), run, *recorder_, Rows(request_.prompts, rows_), request_.logits.full_logits,
                       rows_.begin, sink_);
  }

 private:
  const Model& model_;
  const ForwardRequest& request_;
  const Checkpoint check_;
  const TensorSink sink_;
  ForwardResult& result_;
  std::vector<std::vector<int>> positions_;  // that are captured, of each prompt; none without a capture
  // Of the rows that run.
  MicroBatch rows_;
  std::optional<ActivationRecorder> recorder_;
  std::vector<PromptLogits> logits_;
  std::vector<double> metric_;
};

}  // namespace

std::unique_ptr<JointPart> NewForwardPart(const Model& model, const ForwardRequest& request, Checkpoint check,
                                          TensorSink sink, ForwardResult& result) {
  return std::make_unique<ForwardPart>(model, request, std::move(check), std::move(sink), result);
}

BatchShare ForwardShare(const Model& model, const ForwardRequest& request, int64_t memory_budget_bytes) {
  return ShareOf(model.config(), request.prompts, Limits(model, request, memory_budget_bytes));
}

absl::StatusOr<ForwardResult> RunForward(const Model& model, const ForwardRequest& request,
                                         const ForwardOptions& options, const TensorSink& sink) {
  ForwardResult result;
  ForwardPart part(model, request, nullptr, sink, result);
  RETURN_IF_ERROR(RunAlone(model, part, options));
  return result;
}

int64_t FullLogitsBytes(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                        LogitsPositions positions) {
  if (positions == LogitsPositions::kNone) return 0;
  int64_t rows = 0;
  for (const auto& prompt : prompts) rows += positions == LogitsPositions::kLast ? 1 : prompt.size();
  return rows * config.d_vocab * int64_t{sizeof(float)};
}

}  // namespace circuitd
