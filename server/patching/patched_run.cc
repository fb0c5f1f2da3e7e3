#include "server/patching/patched_run.h"

#include <utility>

#include "base/status.h"
#include "server/model/activation_recorder.h"
#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/hook_sizes.h"
#include "server/model/joint_run.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/patching/hook_means.h"
#include "server/patching/intervention_hooks.h"
#include "server/patching/patched_run_limits.h"

namespace circuitd {
namespace {

class PatchedPart final : public JointPart {
 public:
  PatchedPart(const Model& model, const PatchedRunRequest& request, Checkpoint check, TensorSink sink,
              PatchedRunResult& result)
      : network_(model.network()),
        request_(request),
        check_(std::move(check)),
        sink_(std::move(sink)),
        resampled_(HooksOf(request, Ablation::kResample)),
        result_(result) {
    if (request.metric) result_.metric.emplace();
  }

  const std::vector<std::vector<int>>& prompts() const override { return request_.prompts; }
  absl::Status Check() const override { return check_ ? check_() : absl::OkStatus(); }

  absl::Status Prepare(const ForwardOptions& options) override {
    if (!request_.capture.hooks.empty()) {
      ASSIGN_OR_RETURN(captured_, SelectPositionsOfAll(request_.capture.positions, request_.prompts, request_.roles));
    }
    const std::vector<std::vector<int>>& sources = request_.source_prompts;
    const std::vector<HookPoint> points = HooksOf(request_, Ablation::kMean);
    const MicroBatchLimits limits =
        HookMeansLimits(network_, points, LongestPrompt(sources), options.memory_budget_bytes);
    const auto batches = SplitIntoMicroBatches(network_.config(), sources, limits);
    ASSIGN_OR_RETURN(means_, CaptureHookMeans(network_, sources, batches, points, nullptr, options.checkpoint));
    return absl::OkStatus();
  }

  MicroBatchLimits Limits(int64_t memory_budget_bytes) const override {
    return PatchedRunLimits(network_, request_, means_, memory_budget_bytes);
  }

  void Begin(MicroBatch rows) override {
    rows_ = rows;
    changes_.emplace(network_, request_, means_, rows);
    recorder_.emplace(network_, request_.capture, Rows(request_.prompts, rows),
                      captured_.empty() ? absl::Span<const std::vector<int>>() : Rows(captured_, rows),
                      &changes_->hooks);
  }

  std::optional<Sources> sources() override {
    if (resampled_.empty()) return std::nullopt;
    return Sources{Rows(request_.source_prompts, rows_), resampled_, &changes_->sources};
  }

  Hooks& hooks() override { return *recorder_; }
  bool wants_plain_run() const override { return request_.metric.has_value(); }

  absl::Status Read(const BatchRun& run, const BatchRun* plain) override {
    ASSIGN_OR_RETURN(logits_, ReadLogits(run.last_logits, request_.logits, rows_.begin));
    if (plain == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(CheckFinite(plain->last_logits, rows_.begin));
    const auto answers = request_.answers.empty() ? absl::Span<const Answer>() : Rows(request_.answers, rows_);
    metric_.patched = MetricPerPrompt(*request_.metric, run.last_logits, plain->last_logits, answers);
    metric_.unpatched = MetricPerPrompt(*request_.metric, plain->last_logits, plain->last_logits, answers);
    return absl::OkStatus();
  }

  absl::Status Deliver(const BatchRun& run) override {
    Append(result_.prompts, logits_);
    if (result_.metric) {
      Append(result_.metric->patched, metric_.patched);
      Append(result_.metric->unpatched, metric_.unpatched);
    }
    return SinkTensors(network_, run, *recorder_, Rows(request_.prompts, rows_), request_.logits.full_logits,
                       rows_.begin, sink_);
  }

 private:
  // What the interventions make of some rows, each member of those before it.
  struct Changes {
    Changes(const Gpt2& network, const PatchedRunRequest& request, const HookMeans& means, MicroBatch rows)
        : slices(network, request, rows), sources(slices), hooks(slices, means, sources) {}

    InterventionSlices slices;
    SourceSlices sources;
    InterventionHooks hooks;
  };

  const Gpt2& network_;
  const PatchedRunRequest& request_;
  const Checkpoint check_;
  const TensorSink sink_;
  const std::vector<HookPoint> resampled_;
  PatchedRunResult& result_;
  std::vector<std::vector<int>> captured_;  // positions, of each prompt; none without a capture
  HookMeans means_;
  // Of the rows that run.
  MicroBatch rows_;
  std::optional<Changes> changes_;
  std::optional<ActivationRecorder> recorder_;
  std::vector<PromptLogits> logits_;
  MetricValues metric_;
};

}  // namespace

std::unique_ptr<JointPart> NewPatchedPart(const Model& model, const PatchedRunRequest& request, Checkpoint check,
                                          TensorSink sink, PatchedRunResult& result) {
  return std::make_unique<PatchedPart>(model, request, std::move(check), std::move(sink), result);
}

BatchShare PatchedRunShare(const Model& model, const PatchedRunRequest& request, int64_t memory_budget_bytes) {
  const Gpt2& network = model.network();
  const MicroBatchLimits limits = PatchedRunLimits(network, request, HookMeans(), memory_budget_bytes);
  BatchShare share = ShareOf(model.config(), request.prompts, limits);
  share.prepares = !HooksOf(request, Ablation::kMean).empty();
  return share;
}

absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink) {
  PatchedRunResult result;
  PatchedPart part(model, request, nullptr, sink, result);
  RETURN_IF_ERROR(RunAlone(model, part, options));
  return result;
}

}  // namespace circuitd
