#include "bench/load_client.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "bench/job_requests.h"
#include "client/back_off.h"
#include "client/canceller.h"
#include "client/job_follower.h"

namespace circuitd {
namespace {

using absl::StatusCode;

constexpr std::array<absl::string_view, 4> kPrompts = {
    "Sand done in 4. Water done in 5. Sea done in", "Corn done in 7. Cow done in 8. Sea done in",
    "Sand done in 1. Corn done in 2. Cow done in", "Water done in 5. Sand done in 6. Corn done in"};
constexpr size_t kMostJobs = 3;        // that a client has at once
constexpr int kSeeds = 40;             // of jobs: few enough that some are equal
constexpr int kTooManyPrompts = 4097;  // the server's limit is 4096

// Takes a stream's messages in without keeping them.
template <typename Response>
client::Client::Receiver<Response> Ignore() {
  return [](const Response&) { return absl::OkStatus(); };
}

// What says that the queue, not the request, is too large.
bool SaysWhenToTryAgain(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "(try again in ");
}

}  // namespace

LoadClient::LoadClient(std::string model, uint64_t seed, client::Client& client, client::Client& hurried,
                       CallTally& tally)
    : model_(std::move(model)), random_(seed), client_(client), hurried_(hurried), tally_(tally) {}

void LoadClient::Step() {
  const int percent = Pick(100);
  if (percent < 40) return ForwardOne();
  if (percent < 50) return RunPatched();
  if (percent < 58) return Read();
  if (percent < 70) return Tokenize();
  if (percent < 78) return Submit();
  if (percent < 81) return WatchAndForget();
  if (percent < 83) return WatchAndLeave();
  if (percent < 86) return Cancel();
  if (percent < 94) return Look();
  Fail();
}

bool LoadClient::Count(const std::string& call, const absl::Status& status, const Codes& asked_for) {
  tally_.Count(call, status, asked_for.count(status.code()) > 0);
  return status.ok();
}

void LoadClient::ForwardOne() {
  const v1::ForwardRequest request = ForwardOf(model_, {kPrompts[Pick(kPrompts.size())]});
  const absl::Time begin = absl::Now();
  const absl::Status status = client_.Forward(request, Ignore<v1::ForwardResponse>());
  if (Count("Forward", status)) latencies_.Add(absl::Now() - begin);
}

void LoadClient::RunPatched() {
  v1::RunPatchedRequest request;
  request.set_model(model_);
  const int prompts = 1 + Pick(4);
  for (int i = 0; i < prompts; ++i) request.add_prompts()->set_text(std::string(kPrompts[i]));
  v1::Intervention& intervention = *request.add_interventions();
  intervention.set_hook(absl::StrCat("blocks.", Pick(4), ".attn.hook_z"));
  intervention.add_heads(Pick(8));
  intervention.set_ablation(v1::ABLATION_ZERO);
  request.mutable_logits()->set_top_k(3);
  request.mutable_capture()->add_hooks("blocks.*.attn.hook_pattern");
  Count("RunPatched", client_.RunPatched(request, Ignore<v1::RunPatchedResponse>()));
}

void LoadClient::Read() {
  const v1::PromptSource prompts = PruningOf(model_, Pick(kSeeds), 2, false).spec().node_pruning().prompts();
  if (Pick(2) == 0) {
    v1::RunLogitLensRequest request;
    request.set_model(model_);
    *request.mutable_prompts() = prompts;
    request.set_top_k(3);
    Count("RunLogitLens", client_.RunLogitLens(request, Ignore<v1::RunLogitLensResponse>()));
  } else {
    v1::AttributeLogitsRequest request;
    request.set_model(model_);
    *request.mutable_prompts() = prompts;
    Count("AttributeLogits", client_.AttributeLogits(request, Ignore<v1::AttributeLogitsResponse>()));
  }
}

void LoadClient::Tokenize() {
  v1::TokenizeRequest request;
  request.set_model(model_);
  for (const absl::string_view prompt : kPrompts) request.add_prompts()->set_text(std::string(prompt));
  Count("Tokenize", client_.Tokenize(request).status());
}

void LoadClient::Submit() {
  if (jobs_.size() >= kMostJobs) return WatchAndForget();
  v1::SubmitJobRequest request = PruningOf(model_, Pick(kSeeds), 1, false);
  request.mutable_spec()->mutable_node_pruning()->set_max_iterations(1);
  request.set_no_cache(Pick(2) == 0);
  client::BackOff back_off({});
  for (;;) {
    const absl::StatusOr<v1::SubmitJobResponse> response = client_.SubmitJob(request);
    const bool full = SaysWhenToTryAgain(response.status());
    const bool cached = response.ok() && !response->job().cached_from().empty();
    tally_.Count(full     ? "SubmitJob, tried again"
                 : cached ? "SubmitJob, cached"
                          : "SubmitJob",
                 response.status(), response.ok() || full);
    if (response.ok()) return jobs_.push_back(response->job().name());
    if (!full || back_off.exhausted()) return;
    ++retries_;
    absl::SleepFor(back_off.Next());
  }
}

void LoadClient::WatchAndForget() {
  if (jobs_.empty()) return Submit();
  const std::string name = jobs_.front();
  jobs_.pop_front();
  const absl::StatusOr<v1::Job> job = client::FollowJob(client_, name, {}, Ignore<v1::WatchJobResponse>());
  if (!Count("WatchJob, to the end", job.status())) return;
  if (job->state() == v1::JOB_STATE_FAILED) {
    const auto code = static_cast<StatusCode>(job->error().code());
    Count("a job's end", absl::Status(code, job->error().message()));
  }
  if (job->state() == v1::JOB_STATE_SUCCEEDED) Download(*job);
  // Some stay, so that equal jobs find a result.
  if (Pick(4) > 0) Delete(name, {StatusCode::kOk});
}

void LoadClient::WatchAndLeave() {
  if (jobs_.empty()) return Submit();
  v1::WatchJobRequest request;
  request.set_name(SomeJob());
  client::Canceller canceller;
  const auto leave = [&](const v1::WatchJobResponse&) {
    canceller.Cancel();
    return absl::OkStatus();
  };
  // All that there is may have been under way already.
  Count("WatchJob, left", client_.WatchJob(request, leave, &canceller), {StatusCode::kCancelled, StatusCode::kOk});
}

void LoadClient::Cancel() {
  if (jobs_.empty()) return Submit();
  v1::CancelJobRequest request;
  request.set_name(SomeJob());
  Count("CancelJob", client_.CancelJob(request).status(), {StatusCode::kOk, StatusCode::kFailedPrecondition});
}

void LoadClient::Look() {
  if (Pick(4) == 0 || jobs_.empty()) {
    v1::ListJobsRequest request;
    request.set_page_size(20);
    if (Pick(2) == 0) request.add_states(v1::JOB_STATE_SUCCEEDED);
    Count("ListJobs", client_.ListJobs(request).status());
  } else {
    v1::GetJobRequest request;
    request.set_name(SomeJob());
    Count("GetJob", client_.GetJob(request).status());
  }
}

void LoadClient::Fail() {
  switch (Pick(6)) {
    case 0:
      Count("Forward, no such model",
            client_.Forward(ForwardOf("no-such-model", {kPrompts[0]}), Ignore<v1::ForwardResponse>()),
            {StatusCode::kNotFound});
      break;
    case 1: {
      v1::SubmitJobRequest request = PruningOf(model_, 1, 1, false);
      request.mutable_spec()->mutable_node_pruning()->set_threshold(101);
      Count("SubmitJob, threshold 101", client_.SubmitJob(request).status(), {StatusCode::kInvalidArgument});
      break;
    }
    case 2: {
      const std::vector<absl::string_view> prompts(kTooManyPrompts, kPrompts[0]);
      Count("Forward, too many prompts", client_.Forward(ForwardOf(model_, prompts), Ignore<v1::ForwardResponse>()),
            {StatusCode::kResourceExhausted});
      break;
    }
    case 3:
      // A millisecond may just be enough.
      Count("Forward, deadline of 1 ms",
            hurried_.Forward(ForwardOf(model_, {kPrompts[1]}), Ignore<v1::ForwardResponse>()),
            {StatusCode::kDeadlineExceeded, StatusCode::kOk});
      break;
    case 4: {
      v1::GetJobRequest request;
      request.set_name("jobs/aaaaaaaaaaaa");
      Count("GetJob, no such job", client_.GetJob(request).status(), {StatusCode::kNotFound});
      break;
    }
    default:
      if (jobs_.empty()) return;
      // A job that has ended goes, though the client doesn't know yet.
      const std::string job = jobs_.back();
      jobs_.pop_back();
      v1::DeleteJobRequest request;
      request.set_name(job);
      const absl::Status status = client_.DeleteJob(request).status();
      if (!Count("DeleteJob, at any time", status, {StatusCode::kOk, StatusCode::kFailedPrecondition})) {
        jobs_.push_back(job);
      }
  }
}

void LoadClient::Download(const v1::Job& job) {
  if (job.artifacts().empty()) return;
  const v1::Artifact& artifact = job.artifacts(Pick(job.artifacts_size()));
  v1::DownloadArtifactRequest request;
  request.set_name(job.name());
  request.set_artifact(artifact.name());
  request.set_offset(random_() % (artifact.size_bytes() + 1));
  uint64_t bytes = request.offset();
  absl::Status status =
      client_.DownloadArtifact(request, [&](const v1::DownloadArtifactResponse& response) -> absl::Status {
        bytes += response.data().size();
        return absl::OkStatus();
      });
  if (status.ok() && bytes != artifact.size_bytes()) {
    status = absl::DataLossError(absl::StrCat(artifact.name(), " ends at ", bytes, " of ", artifact.size_bytes()));
  }
  Count("DownloadArtifact", status);
}

void LoadClient::Delete(const std::string& job, const Codes& asked_for) {
  v1::DeleteJobRequest request;
  request.set_name(job);
  Count("DeleteJob", client_.DeleteJob(request).status(), asked_for);
}

}  // namespace circuitd
