// What senders change in the residual stream on their way up: path patching's first half.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <set>
#include <vector>

#include "server/model/gpt2.h"
#include "server/model/layer_products.h"
#include "server/patching/base_run.h"
#include "server/patching/path_patching.h"

namespace circuitd {

// Positions that are looked at: those from `first` on, or each prompt's last.
struct PathRows {
  bool last_only = false;
  int64_t first = 0;

  // x [batch, pos, ...] -> [batch, rows, ...], in `last_only` with one row.
  at::Tensor Of(const at::Tensor& x, const PaddedPrompts& prompts) const;
};

// Of patches side by side, each of which has senders whose outputs are the corrupted run's. Other heads' outputs are
// the clean run's; so are other MLPs', or, with PathFreeze::kHeads, they are computed anew.
class SenderChanges {
 public:
  // senders[i] has the ranks (SenderRank) of patch i's senders; patches are in the order of their first ones. `clean`
  // has to have kept kResidPre, kResidMid, kZ and kMlpOut, `corrupted` kZ and kMlpOut, of all layers; both have to
  // outlive this, as all arguments. Throws torch's exceptions.
  SenderChanges(const LayerProducts& products, const BaseRun& clean, const BaseRun& corrupted, const PathRows& rows,
                PathFreeze freeze, const std::vector<std::set<int>>& senders);

  // Goes up to where senders of rank `end` and above are not read. `end` is SendersBelow of a receiver, and never less
  // than before.
  void AdvanceTo(int end);

  // Patches that have sent something so far: the first ones.
  int64_t sent() const { return sent_; }
  // What these add to the clean run's residual stream: [sent, batch, rows, d_model].
  at::Tensor changes() const { return changes_.narrow(0, 0, sent_); }
  // Whether one of a patch's senders has another output at all: [sent, batch] bool on the host.
  at::Tensor changed() const { return changed_.narrow(0, 0, sent_).cpu(); }

 private:
  struct Sent {
    std::vector<int64_t> patches;
    std::vector<int64_t> heads;
  };

  // Patches with a sender of rank `begin` to `begin + count`, and which these are.
  Sent SendersFrom(int begin, int count);
  void SendEmbed();
  void SendHeads(int layer, int begin);
  void PassMlp(int layer, int rank);
  // value [patches, batch, rows, d_model], or without the first axis.
  void Add(const std::vector<int64_t>& patches, const at::Tensor& value);

  at::Tensor Rows(const at::Tensor& x) const { return rows_.Of(x, clean_.prompts()); }
  at::Tensor Index(const std::vector<int64_t>& values) const;

  const LayerProducts& products_;
  const Gpt2& network_;
  const BaseRun& clean_;
  const BaseRun& corrupted_;
  const PathRows& rows_;
  const PathFreeze freeze_;
  const std::vector<std::set<int>>& senders_;
  int rank_ = 0;  // of the next sender
  int64_t sent_ = 0;
  at::Tensor changes_;    // [patches, batch, rows, d_model]
  at::Tensor changed_;    // [patches, batch] bool
  at::Tensor in_prompt_;  // [batch, rows] bool: not padding
};

}  // namespace circuitd
