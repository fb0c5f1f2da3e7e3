#include "bench/job_requests.h"

namespace circuitd {

v1::ForwardRequest ForwardOf(const std::string& model, const std::vector<absl::string_view>& prompts) {
  v1::ForwardRequest request;
  request.set_model(model);
  for (const absl::string_view prompt : prompts) request.add_prompts()->set_text(prompt.data(), prompt.size());
  request.mutable_logits()->set_top_k(10);
  return request;
}

v1::SubmitJobRequest PruningOf(const std::string& model, uint64_t seed, uint32_t num_samples, bool every_variant) {
  v1::SubmitJobRequest request;
  v1::NodePruningSpec& pruning = *request.mutable_spec()->mutable_node_pruning();
  pruning.set_model(model);
  pruning.set_threshold(20);
  pruning.mutable_prompts()->set_num_samples(num_samples);
  v1::GeneratedTask& task = *pruning.mutable_prompts()->mutable_task();
  task.set_task("numerals");
  task.set_seed(seed);
  if (!every_variant) task.add_variants("done");
  return request;
}

}  // namespace circuitd
