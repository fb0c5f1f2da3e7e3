#include "server/model/joint_hooks.h"

#include <algorithm>

namespace circuitd {

void JointHooks::Add(Hooks& hooks, int64_t rows, int64_t length) {
  const int64_t begin = parts_.empty() ? 0 : parts_.back().begin + parts_.back().rows;
  parts_.push_back({&hooks, begin, rows, length});
}

bool JointHooks::Wants(HookPoint point) const {
  return std::any_of(parts_.begin(), parts_.end(), [point](const Part& part) { return part.hooks->Wants(point); });
}

void JointHooks::Visit(HookPoint point, at::Tensor& value) {
  // Who is alone has no padding of others.
  if (parts_.size() == 1) return parts_[0].hooks->Visit(point, value);
  const auto own = [point](const at::Tensor& all, const Part& part) {
    const at::Tensor rows = all.narrow(0, part.begin, part.rows);
    if (AxesOf(point.kind) != HookAxes::kHeadsQueryKey) return rows.narrow(1, 0, part.length);
    return rows.narrow(2, 0, part.length).narrow(3, 0, part.length);
  };
  at::Tensor changed;  // undefined until somebody replaces something
  for (const Part& part : parts_) {
    if (!part.hooks->Wants(point)) continue;
    const at::Tensor before = own(value, part);
    at::Tensor after = before;
    part.hooks->Visit(point, after);
    if (after.is_same(before)) continue;
    if (!changed.defined()) changed = value.clone();
    own(changed, part).copy_(after);
  }
  if (changed.defined()) value = changed;
}

}  // namespace circuitd
