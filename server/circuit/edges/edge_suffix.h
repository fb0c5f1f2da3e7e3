// Goes on from an edge-masked run in which one receiver reads something else: only what that reaches is run again.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/circuit/edges/kept_run.h"

namespace circuitd {

// Of copies of a micro-batch's prompts side by side. Used once. Throws torch's exceptions.
class EdgeSuffix {
 public:
  // `run` has to outlive this.
  EdgeSuffix(const KeptRun& run, int64_t copies) : run_(run), config_(run.network().config()), copies_(copies) {}

  // `receiver`, by rank, reads `change` [copies, batch, rows, d_model] more; rows as InputRows. Returns what the logits
  // read: [copies, batch, d_model].
  at::Tensor Run(int receiver, const at::Tensor& change);

  // Which rows of a receiver's input matter.
  static EdgeRows InputRows(const ModelConfig& config, const Node& receiver);

 private:
  // The receiver that the run starts from.
  struct Start {
    int64_t place = 0;         // of q, k and v: among the layer's 3 * n_heads
    const at::Tensor& change;  // [copies, batch, rows, d_model]
  };

  void RunAttention(int layer, const Start* start);
  void RunMlp(int layer, const Start* start);
  // Receivers of q, k or v, in these rows, that read something else.
  std::vector<int64_t> Reached(int layer, EdgeRows rows, const Start* start) const;
  // Their new q, k and v, put into `fresh` by place: [copies, batch, rows, d_head] each.
  void RunReceivers(int layer, EdgeRows rows, const Start* start, std::vector<at::Tensor>& fresh) const;
  // q, k or v of `heads`, of which part * n_heads + head is fresh or the kept run's: [heads, copies * batch, pos or
  // rows, d_head].
  at::Tensor PartOf(int layer, int part, const std::vector<int64_t>& heads, const std::vector<at::Tensor>& fresh) const;
  // What queries of the layer do not see.
  at::Tensor Unseen(int layer) const;

  // What receivers read more, of all senders that changed: [receivers, copies, batch, rows, d_model].
  at::Tensor Brought(const std::vector<int>& receivers, EdgeRows rows) const;
  bool ReadsChanged(int receiver) const;
  bool IsFixed(int rank) const { return run_.batch().setting.IsFixed(rank); }
  // A sender's output changes by `by` [copies, batch, rows, d_model].
  void Send(int rank, const at::Tensor& by, EdgeRows rows);
  void EnterLastLayer();

  const KeptRun& run_;
  const ModelConfig& config_;
  const int64_t copies_;
  std::vector<int> changed_;  // ranks of senders, rising
  // What their outputs change by: [room for senders, copies, batch, rows, d_model], as many as have changed by then.
  at::Tensor tail_, last_;
};

}  // namespace circuitd
