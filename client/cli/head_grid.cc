#include "client/cli/head_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd::client {
namespace {

constexpr size_t kMaxCells = 1 << 20;

// The value's place among sorted ones.
size_t PlaceOf(const std::vector<uint32_t>& sorted, uint32_t value) {
  return static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
}

std::vector<uint32_t> Distinct(std::vector<uint32_t> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::vector<std::string> Numbers(const std::vector<uint32_t>& values) {
  std::vector<std::string> texts;
  for (uint32_t value : values) texts.push_back(absl::StrCat(value));
  return texts;
}

}  // namespace

absl::StatusOr<std::vector<HeadValue>> ReadHeads(const TensorSet& tensors, const std::string& name,
                                                 const std::vector<uint32_t>& layers,
                                                 const std::vector<uint32_t>& heads) {
  ASSIGN_OR_RETURN(const std::vector<double> values,
                   tensors.Read(name, {static_cast<int64_t>(layers.size()), static_cast<int64_t>(heads.size())}));
  std::vector<HeadValue> out;
  for (size_t i = 0; i < values.size(); ++i) {
    out.push_back({layers[i / heads.size()], heads[i % heads.size()], values[i]});
  }
  return out;
}

absl::StatusOr<std::vector<HeadValue>> ReadAllHeads(const TensorSet& tensors, const std::string& name) {
  ASSIGN_OR_RETURN(const NamedTensor* tensor, tensors.Find(name));
  const std::vector<int64_t>& shape = tensor->shape;
  const auto side = [](int64_t size) { return size > 0 && size <= static_cast<int64_t>(kMaxGridSide); };
  if (shape.size() != 2 || !side(shape[0]) || !side(shape[1])) {
    return absl::DataLossError(absl::StrCat(name, ": the server's tensor is not [n_layers, n_heads]"));
  }
  std::vector<uint32_t> layers(static_cast<size_t>(shape[0]));
  std::vector<uint32_t> heads(static_cast<size_t>(shape[1]));
  std::iota(layers.begin(), layers.end(), 0);
  std::iota(heads.begin(), heads.end(), 0);
  return ReadHeads(tensors, name, layers, heads);
}

absl::StatusOr<HeatMap> HeadMap(std::string title, const std::vector<HeadValue>& values, ColourScale scale) {
  std::vector<uint32_t> layers, heads;
  for (const HeadValue& value : values) {
    layers.push_back(value.layer);
    heads.push_back(value.head);
  }
  layers = Distinct(std::move(layers));
  heads = Distinct(std::move(heads));
  if (layers.size() * heads.size() > kMaxCells) {
    return absl::DataLossError(
        absl::StrCat(title, ": the server names ", layers.size(), " layers and ", heads.size(), " heads"));
  }
  HeatMap map{.title = std::move(title),
              .row_axis = "layer",
              .column_axis = "head",
              .rows = Numbers(layers),
              .columns = Numbers(heads),
              .values = std::vector<double>(layers.size() * heads.size(), std::numeric_limits<double>::quiet_NaN()),
              .scale = scale};
  for (const HeadValue& value : values) {
    map.values[PlaceOf(layers, value.layer) * heads.size() + PlaceOf(heads, value.head)] = value.value;
  }
  return map;
}

std::vector<HeadValue> Strongest(std::vector<HeadValue> values, size_t count, bool by_size) {
  std::erase_if(values, [](const HeadValue& head) { return std::isnan(head.value); });
  const auto key = [&](const HeadValue& head) { return by_size ? std::abs(head.value) : head.value; };
  std::stable_sort(values.begin(), values.end(),
                   [&](const HeadValue& a, const HeadValue& b) { return key(a) > key(b); });
  if (values.size() > count) values.resize(count);
  return values;
}

Table RankingTable(const std::vector<Ranking>& rankings) {
  std::vector<std::string> headings = {">"};
  size_t rows = 0;
  for (const Ranking& ranking : rankings) {
    headings.push_back(ranking.name);
    headings.push_back(">");
    rows = std::max(rows, ranking.heads.size());
  }
  double largest = 0;
  for (const Ranking& ranking : rankings) {
    for (const HeadValue& head : ranking.heads) largest = std::max(largest, std::abs(head.value));
  }
  const int decimals = DecimalsOf({0, largest});
  Table table(std::move(headings));
  for (size_t row = 0; row < rows; ++row) {
    std::vector<std::string> cells = {absl::StrCat(row + 1)};
    for (const Ranking& ranking : rankings) {
      const bool there = row < ranking.heads.size();
      const HeadValue head = there ? ranking.heads[row] : HeadValue{};
      cells.push_back(there ? absl::StrCat("A", head.layer, ".", head.head) : "");
      cells.push_back(there ? CellText(head.value, decimals) : "");
    }
    table.Add(cells);
  }
  return table;
}

}  // namespace circuitd::client
