#include "server/model/joint_run.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/joint_hooks.h"
#include "server/model/micro_batch.h"
#include "server/model/partial_run.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// One part's rows of a micro-batch.
struct Segment {
  size_t number;  // the part's
  JointPart* part;
  MicroBatch rows;

  int64_t size() const { return static_cast<int64_t>(rows.end - rows.begin); }
  absl::Span<const std::vector<int>> prompts() const { return Rows(part->prompts(), rows); }
};

using Prompts = std::vector<std::vector<int>>;

void AddPrompts(absl::Span<const std::vector<int>> prompts, Prompts& all) {
  all.insert(all.end(), prompts.begin(), prompts.end());
}

// The rows after the first `begin` of a run.
BatchRun RowsOf(const BatchRun& run, int64_t begin, int64_t rows) {
  return {run.normalized.narrow(0, begin, rows), run.last_logits.narrow(0, begin, rows)};
}

class JointRun {
 public:
  JointRun(const Gpt2& network, absl::Span<JointPart* const> parts)
      : network_(network), parts_(parts), statuses_(parts.size()) {
    for (const JointPart* part : parts) {
      begins_.push_back(prompts_.size());
      AddPrompts(part->prompts(), prompts_);
      undelivered_.push_back(part->prompts().size());
    }
  }

  void Prepare(const ForwardOptions& options) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      ForwardOptions own = options;
      own.checkpoint = [&, i]() -> absl::Status {
        if (options.checkpoint) RETURN_IF_ERROR(options.checkpoint());
        return parts_[i]->Check();
      };
      statuses_[i] = InTorch([&] { return parts_[i]->Prepare(own); });
    }
  }

  // Micro-batches of all parts' prompts, one part after the other.
  std::vector<MicroBatch> Split(int64_t budget_bytes) const {
    std::optional<MicroBatchLimits> limits;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (!statuses_[i].ok()) continue;
      const MicroBatchLimits own = parts_[i]->Limits(budget_bytes);
      limits = limits ? Strictest(*limits, own, budget_bytes) : own;
    }
    if (!limits) return {};
    return SplitIntoMicroBatches(network_.config(), prompts_, *limits);
  }

  // RESOURCE_EXHAUSTED, without any effect, if fewer rows may fit; an error when no part is left, and the checkpoint's.
  // All other errors are those of parts.
  absl::Status Run(MicroBatch batch, const Checkpoint& checkpoint) {
    const std::vector<Segment> segments = Live(batch);
    std::vector<Segment> again;
    if (!segments.empty()) {
      const absl::Status status = InTorch([&] { return RunSegments(segments, checkpoint, again); });
      if (absl::IsResourceExhausted(status) && batch.end - batch.begin > 1) return status;
      if (!status.ok() && segments.size() == 1) {
        Fail(segments[0], status);
      } else if (!status.ok()) {
        again = segments;
      }
    }
    // Whatever fails among others has to fail alone, too: nobody suffers from what others ask for.
    for (const Segment& segment : again) RETURN_IF_ERROR(RunAlone(segment, checkpoint));
    const bool any_left =
        std::any_of(statuses_.begin(), statuses_.end(), [](const absl::Status& status) { return status.ok(); });
    return any_left ? absl::OkStatus() : absl::CancelledError("nobody waits any more");
  }

  // `stopped` is how the parts that have not ended end.
  std::vector<absl::Status> TakeStatuses(const absl::Status& stopped) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (statuses_[i].ok() && undelivered_[i] > 0) statuses_[i] = stopped;
    }
    return std::move(statuses_);
  }

 private:
  // In halves, down to one prompt, where memory runs out. Errors are the checkpoint's.
  absl::Status RunAlone(const Segment& segment, const Checkpoint& checkpoint) {
    if (checkpoint) RETURN_IF_ERROR(checkpoint());
    if (!statuses_[segment.number].ok()) return absl::OkStatus();
    statuses_[segment.number] = segment.part->Check();
    if (!statuses_[segment.number].ok()) return absl::OkStatus();
    std::vector<Segment> none;
    const absl::Status status = InTorch([&] { return RunSegments({&segment, 1}, checkpoint, none); });
    if (absl::IsResourceExhausted(status) && segment.size() > 1) {
      const size_t middle = (segment.rows.begin + segment.rows.end) / 2;
      RETURN_IF_ERROR(RunAlone({segment.number, segment.part, {segment.rows.begin, middle}}, checkpoint));
      return RunAlone({segment.number, segment.part, {middle, segment.rows.end}}, checkpoint);
    }
    if (!status.ok()) Fail(segment, status);
    return absl::OkStatus();
  }

  // How it ended first is how it ends.
  void Fail(const Segment& segment, const absl::Status& status) { statuses_[segment.number].Update(status); }

  // Between two passes over the same rows: others' turn, and an error if nobody waits for these any more.
  absl::Status Pause(absl::Span<const Segment> segments, const Checkpoint& checkpoint) {
    if (checkpoint) RETURN_IF_ERROR(checkpoint());
    bool any_left = false;
    for (const Segment& segment : segments) {
      absl::Status& status = statuses_[segment.number];
      status.Update(segment.part->Check());
      any_left |= status.ok();
    }
    return any_left ? absl::OkStatus() : absl::CancelledError("nobody waits any more");
  }

  // The segments of a micro-batch whose parts still want them.
  std::vector<Segment> Live(MicroBatch batch) {
    std::vector<Segment> segments;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const size_t begin = std::max(batch.begin, begins_[i]);
      const size_t end = std::min(batch.end, begins_[i] + parts_[i]->prompts().size());
      if (begin >= end || !statuses_[i].ok()) continue;
      statuses_[i] = parts_[i]->Check();
      if (statuses_[i].ok()) segments.push_back({i, parts_[i], {begin - begins_[i], end - begins_[i]}});
    }
    return segments;
  }

  // Adds to `again` the segments whose answers could not be read, unless there is only one: that is an error then.
  absl::Status RunSegments(absl::Span<const Segment> segments, const Checkpoint& checkpoint,
                           std::vector<Segment>& again) {
    for (const Segment& segment : segments) segment.part->Begin(segment.rows);
    if (RunSources(segments)) RETURN_IF_ERROR(Pause(segments, checkpoint));

    Prompts prompts;
    JointHooks hooks;
    for (const Segment& segment : segments) {
      AddPrompts(segment.prompts(), prompts);
      hooks.Add(segment.part->hooks(), segment.size(), LongestPrompt(segment.prompts()));
    }
    const BatchRun run = RunBatch(network_, Pad(prompts, network_.device()), &hooks);
    ASSIGN_OR_RETURN(const std::vector<std::optional<BatchRun>> plain, RunPlainly(segments, checkpoint));

    std::vector<std::pair<Segment, BatchRun>> read;
    int64_t begin = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      const Segment& segment = segments[i];
      const BatchRun own = RowsOf(run, begin, segment.size());
      begin += segment.size();
      if (!statuses_[segment.number].ok()) continue;
      const absl::Status status = InTorch([&] { return segment.part->Read(own, plain[i] ? &*plain[i] : nullptr); });
      if (status.ok()) {
        read.push_back({segment, own});
      } else if (absl::IsResourceExhausted(status) || segments.size() == 1) {
        return status;
      } else {
        again.push_back(segment);
      }
    }
    // Nothing is tried again from here on.
    for (const auto& [segment, own] : read) {
      const absl::Status status = InTorch([&, part = segment.part, &rows = own] { return part->Deliver(rows); });
      if (!status.ok()) Fail(segment, status);
      undelivered_[segment.number] -= segment.size();
    }
    return absl::OkStatus();
  }

  // Whether there were any.
  bool RunSources(absl::Span<const Segment> segments) {
    Prompts prompts;
    JointHooks hooks;
    std::vector<HookPoint> points;
    for (const Segment& segment : segments) {
      const std::optional<JointPart::Sources> sources = segment.part->sources();
      if (!sources) continue;
      AddPrompts(sources->prompts, prompts);
      points.insert(points.end(), sources->points.begin(), sources->points.end());
      hooks.Add(*sources->hooks, segment.size(), LongestPrompt(sources->prompts));
    }
    if (prompts.empty()) return false;
    RunUpTo(network_, Pad(prompts, network_.device()).tokens, points, &hooks);
    return true;
  }

  // One entry for each segment.
  absl::StatusOr<std::vector<std::optional<BatchRun>>> RunPlainly(absl::Span<const Segment> segments,
                                                                  const Checkpoint& checkpoint) {
    std::vector<std::optional<BatchRun>> runs(segments.size());
    Prompts prompts;
    for (const Segment& segment : segments) {
      if (segment.part->wants_plain_run()) AddPrompts(segment.prompts(), prompts);
    }
    if (prompts.empty()) return runs;
    RETURN_IF_ERROR(Pause(segments, checkpoint));
    const BatchRun run = RunBatch(network_, Pad(prompts, network_.device()));
    int64_t begin = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      if (!segments[i].part->wants_plain_run()) continue;
      runs[i] = RowsOf(run, begin, segments[i].size());
      begin += segments[i].size();
    }
    return runs;
  }

  const Gpt2& network_;
  const absl::Span<JointPart* const> parts_;
  Prompts prompts_;                  // of all parts
  std::vector<size_t> begins_;       // of each part, in prompts_
  std::vector<size_t> undelivered_;  // prompts of each part
  std::vector<absl::Status> statuses_;
};

}  // namespace

std::vector<absl::Status> RunTogether(const Model& model, absl::Span<JointPart* const> parts,
                                      const ForwardOptions& options) {
  JointRun run(model.network(), parts);
  run.Prepare(options);
  return run.TakeStatuses(ForEachMicroBatch(run.Split(options.memory_budget_bytes), options.checkpoint,
                                            [&](MicroBatch batch) { return run.Run(batch, options.checkpoint); }));
}

}  // namespace circuitd
