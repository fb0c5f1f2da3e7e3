#include "server/circuit/engine/layer_run.h"

#include "server/circuit/engine/row_attention.h"
#include "server/model/layer_parts.h"

namespace circuitd {

Stream LayerRun::Embed() const {
  const Gpt2Weights& w = network_.weights();
  return {at::embedding(w.embed, rows_.tokens) + w.pos_embed.index_select(0, rows_.positions), false};
}

Attended LayerRun::Attend(int layer, const std::vector<int64_t>& heads, const Stream& before, bool final_only) const {
  const KeptHeads& kept = weights_.Heads(layer, heads);
  Attended attended;
  attended.mid = {final_only ? Final(before) : before.x, final_only};
  attended.mid.x = attended.mid.x + AtRows(kept.constant(), final_only);
  if (heads.empty()) return attended;
  const at::Tensor normalized = Ln1(network_, layer, before.x);  // [rows, d_model]
  const at::Tensor q = kept.Q(final_only ? normalized.index_select(0, rows_.final_rows) : normalized);
  attended.z = AttendRows(network_.config(), layer, rows_, final_only, q, kept.KeysValues(normalized));
  attended.mid.x = kept.Plus(attended.mid.x, attended.z);
  return attended;
}

at::Tensor LayerRun::MlpPost(int layer, const Stream& mid) const {
  return weights_.Mlp(layer).in.Activated(network_.config(), Ln2(network_, layer, mid.x));
}

Stream LayerRun::AddMlp(int layer, const Stream& mid, const at::Tensor& post) const {
  return {weights_.Mlp(layer).out.Plus(mid.x, post), mid.final_only};
}

Stream LayerRun::AddMean(const Stream& mid, const at::Tensor& mean) const {
  return {mid.x + AtRows(mean, mid.final_only), mid.final_only};
}

at::Tensor LayerRun::Final(const Stream& stream) const {
  return stream.final_only ? stream.x : stream.x.index_select(0, rows_.final_rows);
}

}  // namespace circuitd
