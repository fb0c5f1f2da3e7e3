#include "server/circuit/engine/row_attention.h"

#include <algorithm>
#include <vector>

#include "server/model/layer_parts.h"

namespace circuitd {
namespace {

at::Tensor AttendAll(const ModelConfig& config, int layer, const PromptRows& rows, const at::Tensor& q,
                     const at::Tensor& kv) {
  const int64_t width = q.size(1);
  const auto by_prompt = [&](const at::Tensor& x) {
    const at::Tensor places = rows.row_of_place.defined() ? x.index_select(0, rows.row_of_place) : x;
    return places.view({rows.prompts, rows.pos, -1, config.d_head});
  };
  const auto halves = by_prompt(kv).split(width / config.d_head, 2);  // k, v [prompts, pos, heads, d_head]
  const at::Tensor queries = by_prompt(q);
  // Of long prompts some queries at a time: later keys are none of theirs, and the scores stay in the cache.
  constexpr int64_t kQueries = 128;
  std::vector<at::Tensor> blocks;  // [prompts, queries, heads, d_head]
  for (int64_t first = 0; first < rows.pos; first += kQueries) {
    const int64_t end = std::min(first + kQueries, rows.pos);
    const at::Tensor pattern = AttentionPattern(config, layer, queries.narrow(1, first, end - first),
                                                halves[0].narrow(1, 0, end), FutureMask(first, end, q.device()));
    blocks.push_back(ZOf(pattern, halves[1].narrow(1, 0, end)));
  }
  const at::Tensor by_place = blocks.size() == 1 ? blocks[0] : at::cat(blocks, 1);
  const at::Tensor z = by_place.reshape({-1, width});  // [prompts * pos, width]
  return rows.place_of_row.defined() ? z.index_select(0, rows.place_of_row) : z;
}

// Final rows at one position have equally many keys: no masks, no padding.
at::Tensor AttendFinal(const ModelConfig& config, int layer, const PromptRows& rows, const at::Tensor& q,
                       const at::Tensor& kv) {
  const int64_t width = q.size(1);
  const at::Tensor row_of_place = rows.RowOfPlace().view({rows.prompts, rows.pos});
  std::vector<at::Tensor> z;
  for (const PromptRows::FinalGroup& group : rows.final_groups) {
    const at::Tensor queries = q.narrow(0, group.begin, group.count).view({group.count, 1, -1, config.d_head});
    const at::Tensor keys = row_of_place.index_select(0, group.prompts).narrow(1, 0, group.position + 1);
    const at::Tensor keys_values =
        kv.index_select(0, keys.reshape(-1)).view({group.count, group.position + 1, -1, config.d_head});
    const auto halves = keys_values.split(width / config.d_head, 2);
    const at::Tensor pattern = AttentionPattern(config, layer, queries, halves[0], /*future=*/{});
    z.push_back(ZOf(pattern, halves[1]).reshape({-1, width}));
  }
  return at::cat(z);
}

}  // namespace

at::Tensor AttendRows(const ModelConfig& config, int layer, const PromptRows& rows, bool final_only,
                      const at::Tensor& q, const at::Tensor& kv) {
  return final_only ? AttendFinal(config, layer, rows, q, kv) : AttendAll(config, layer, rows, q, kv);
}

}  // namespace circuitd
