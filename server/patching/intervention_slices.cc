#include "server/patching/intervention_slices.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

// The columns of a SliceIndex as they are collected on the host.
struct Places {
  std::vector<int64_t> of_rows;
  std::array<std::vector<int64_t>, 5> columns;  // rows, positions, position_numbers, keys, key_numbers

  void AddPrompt(int64_t row, const ChosenPositions& chosen, bool attention) {
    const size_t before = columns[0].size();
    for (size_t p = 0; p < chosen.positions.size(); ++p) {
      const int position = chosen.positions[p];
      if (!attention) Add({row, position, static_cast<int64_t>(p), 0, 0});
      // A key after its query carries nothing.
      for (size_t k = 0; k < chosen.keys.size() && chosen.keys[k] <= position; ++k) {
        Add({row, position, static_cast<int64_t>(p), chosen.keys[k], static_cast<int64_t>(k)});
      }
    }
    of_rows.push_back(static_cast<int64_t>(columns[0].size() - before));
  }

 private:
  void Add(const std::array<int64_t, 5>& place) {
    for (size_t i = 0; i < place.size(); ++i) columns[i].push_back(place[i]);
  }
};

ChosenPositions Choose(const Intervention& intervention, const PatchedRunRequest& request, size_t prompt) {
  auto chosen = ChoosePositions(intervention, request.prompts[prompt], RolesOf(request.roles, prompt),
                                absl::StrCat("prompts[", prompt, "]"));
  // Hooks return no status; their errors go the way of torch's.
  TORCH_CHECK(chosen.ok(), "no validated request: ", chosen.status().ToString());
  return *std::move(chosen);
}

at::Tensor OnDevice(const std::vector<int64_t>& numbers, at::Device device) {
  return at::tensor(numbers, at::kLong).to(device);
}

}  // namespace

at::Tensor SliceIndex::Take(const at::Tensor& value) const {
  switch (axes) {
    case HookAxes::kPos:
      return value.index({rows, positions});  // [places, width]
    case HookAxes::kPosHeads:
      return value.index({rows.unsqueeze(1), positions.unsqueeze(1), heads});  // [places, heads, width]
    case HookAxes::kHeadsQueryKey:
      return value.index({rows.unsqueeze(1), heads, positions.unsqueeze(1), keys.unsqueeze(1)});  // [places, heads]
  }
  return {};
}

at::Tensor SliceIndex::TakeMeans(const at::Tensor& means) const {
  switch (axes) {
    case HookAxes::kPos:
      return means.index({positions});  // [places, width]
    case HookAxes::kPosHeads:
      return means.index({positions.unsqueeze(1), heads});  // [places, heads, width]
    case HookAxes::kHeadsQueryKey:
      return means.index({positions.unsqueeze(1), heads, keys.unsqueeze(1)});  // [places, heads]
  }
  return {};
}

void SliceIndex::Put(at::Tensor& value, const at::Tensor& slices) const {
  switch (axes) {
    case HookAxes::kPos:
      value.index_put_({rows, positions}, slices);
      return;
    case HookAxes::kPosHeads:
      value.index_put_({rows.unsqueeze(1), positions.unsqueeze(1), heads}, slices);
      return;
    case HookAxes::kHeadsQueryKey:
      value.index_put_({rows.unsqueeze(1), heads, positions.unsqueeze(1), keys.unsqueeze(1)}, slices);
      return;
  }
}

InterventionSlices::InterventionSlices(const Gpt2& network, const PatchedRunRequest& request, MicroBatch batch)
    : network_(network), request_(request), batch_(batch) {
  for (size_t i = 0; i < request.interventions.size(); ++i) by_hook_[request.interventions[i].hook].push_back(i);
}

const std::vector<size_t>& InterventionSlices::On(HookPoint point) const {
  static const auto* const kNone = new std::vector<size_t>;
  const auto found = by_hook_.find(point);
  return found == by_hook_.end() ? *kNone : found->second;
}

SliceIndex InterventionSlices::IndexOf(size_t intervention) const {
  const Intervention& wanted = request_.interventions[intervention];
  SliceIndex index;
  index.axes = AxesOf(wanted.hook.kind);
  const bool attention = index.axes == HookAxes::kHeadsQueryKey;
  Places places;
  ChosenPositions chosen;
  for (size_t prompt = batch_.begin; prompt < batch_.end; ++prompt) {
    const std::vector<int>& tokens = request_.prompts[prompt];
    const bool as_before =
        prompt > batch_.begin && ChoosesByLengthOnly(wanted) && tokens.size() == request_.prompts[prompt - 1].size();
    if (!as_before) chosen = Choose(wanted, request_, prompt);
    places.AddPrompt(static_cast<int64_t>(prompt - batch_.begin), chosen, attention);
  }
  const at::Device device = network_.device();
  index.places_of_rows = std::move(places.of_rows);
  index.rows = OnDevice(places.columns[0], device);
  index.positions = OnDevice(places.columns[1], device);
  index.position_numbers = OnDevice(places.columns[2], device);
  if (attention) {
    index.keys = OnDevice(places.columns[3], device);
    index.key_numbers = OnDevice(places.columns[4], device);
  }
  if (index.axes != HookAxes::kPos) {
    const std::vector<int> heads = ChosenHeads(network_.config(), wanted);
    index.heads = OnDevice({heads.begin(), heads.end()}, device);
  }
  return index;
}

}  // namespace circuitd
