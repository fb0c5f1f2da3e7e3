// Where a request's interventions apply in one micro-batch, and how slices are taken from values and put into them.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "server/model/gpt2.h"
#include "server/model/hook_sizes.h"
#include "server/model/micro_batch.h"
#include "server/patching/intervention_selection.h"
#include "server/patching/patched_run.h"

namespace circuitd {

// The places of one intervention, prompt by prompt: positions, or of attention pairs of a query and a key that is not
// after it. Slices [places, width], [places, heads, width], or of attention [places, heads], have them in this order.
struct SliceIndex {
  HookAxes axes = HookAxes::kPos;
  std::vector<int64_t> places_of_rows;       // of each prompt of the micro-batch
  at::Tensor rows, positions, keys;          // [places] int64; keys: of attention only
  at::Tensor position_numbers, key_numbers;  // [places]: which of the prompt's chosen ones it is, from 0
  at::Tensor heads;                          // [heads] int64, of hook points with heads
  int64_t places() const { return rows.size(0); }

  at::Tensor Take(const at::Tensor& value) const;
  // Of means [max_pos, ...], as HookMeans has them.
  at::Tensor TakeMeans(const at::Tensor& means) const;
  // `slices` may have axes of size 1 that are broadcast. Changes `value`.
  void Put(at::Tensor& value, const at::Tensor& slices) const;
};

class InterventionSlices {
 public:
  // Of a validated request. It and the network have to outlive this.
  InterventionSlices(const Gpt2& network, const PatchedRunRequest& request, MicroBatch batch);

  const PatchedRunRequest& request() const { return request_; }
  MicroBatch batch() const { return batch_; }
  // The interventions on a hook point, in the request's order.
  const std::vector<size_t>& On(HookPoint point) const;
  // Chosen anew each time: together they may take more room than the activations. Throws torch's exceptions.
  SliceIndex IndexOf(size_t intervention) const;

 private:
  const Gpt2& network_;
  const PatchedRunRequest& request_;
  const MicroBatch batch_;
  std::map<HookPoint, std::vector<size_t>, HookPointLess> by_hook_;
};

}  // namespace circuitd
