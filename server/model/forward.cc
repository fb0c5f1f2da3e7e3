#include "server/model/forward.h"

#include <utility>

#include "base/status.h"
#include "server/model/activation_recorder.h"
#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"

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

// Whole requests, one micro-batch after the other.
class ForwardRun {
 public:
  ForwardRun(const Gpt2& network, const ForwardRequest& request, std::vector<std::vector<int>> positions)
      : network_(network), request_(request), positions_(std::move(positions)) {}

  // Without effect on the result when it fails.
  absl::Status Run(MicroBatch batch) {
    const auto prompts = Rows(request_.prompts, batch);
    const bool captures = !request_.capture.hooks.empty();
    recorder_.emplace(network_, request_.capture, prompts,
                      captures ? Rows(positions_, batch) : absl::Span<const std::vector<int>>());
    run_ = RunBatch(network_, Pad(prompts, network_.device()), &*recorder_);
    ASSIGN_OR_RETURN(const std::vector<PromptLogits> logits,
                     ReadLogits(run_.last_logits, request_.logits, batch.begin));
    std::vector<double> metric;
    if (request_.metric) {
      metric = MetricPerPrompt(*request_.metric, run_.last_logits, {}, Rows(request_.answers, batch));
    }
    Append(result_.prompts, logits);
    Append(result_.metric, metric);
    return absl::OkStatus();
  }

  // Of the micro-batch that was run last.
  absl::Status Sink(MicroBatch batch, const TensorSink& sink) {
    return SinkTensors(network_, run_, *recorder_, Rows(request_.prompts, batch), request_.logits.full_logits,
                       batch.begin, sink);
  }

  ForwardResult TakeResult() { return std::move(result_); }

 private:
  const Gpt2& network_;
  const ForwardRequest& request_;
  const std::vector<std::vector<int>> positions_;  // that are captured, of each prompt
  std::optional<ActivationRecorder> recorder_;
  BatchRun run_;
  ForwardResult result_;
};

}  // namespace

absl::StatusOr<ForwardResult> RunForward(const Model& model, const ForwardRequest& request,
                                         const ForwardOptions& options, const TensorSink& sink) {
  std::vector<std::vector<int>> positions;
  if (!request.capture.hooks.empty()) {
    ASSIGN_OR_RETURN(positions, SelectPositionsOfAll(request.capture.positions, request.prompts, request.roles));
  }
  ForwardRun run(model.network(), request, std::move(positions));
  const auto batches =
      SplitIntoMicroBatches(model.config(), request.prompts, Limits(model, request, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return run.Run(batch); }); },
      [&](MicroBatch batch) { return InTorch([&] { return run.Sink(batch, sink); }); }));
  return run.TakeResult();
}

int64_t FullLogitsBytes(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                        LogitsPositions positions) {
  if (positions == LogitsPositions::kNone) return 0;
  int64_t rows = 0;
  for (const auto& prompt : prompts) rows += positions == LogitsPositions::kLast ? 1 : prompt.size();
  return rows * config.d_vocab * int64_t{sizeof(float)};
}

}  // namespace circuitd
