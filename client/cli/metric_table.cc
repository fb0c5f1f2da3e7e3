#include "client/cli/metric_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/table.h"

namespace circuitd::client {
namespace {

std::string Number(double value) { return absl::StrFormat("%.4f", value); }

void Print(const std::string& name, const Table& table, Output& out) {
  out.Write(absl::StrCat("\n", name, "\n", table.Render(out.table_width(), out.colour())));
}

}  // namespace

void PrintMetric(const std::string& name, const v1::MetricValue& value, Output& out) {
  Table table({"PROMPT", ">VALUE"});
  for (int i = 0; value.per_prompt_size() > 1 && i < value.per_prompt_size(); ++i) {
    table.Add({absl::StrCat(i), Number(value.per_prompt(i))});
  }
  table.Add({"average", Number(value.mean())});
  Print(name, table, out);
}

void PrintMetricChange(const std::string& name, const v1::MetricValue& before, const v1::MetricValue& after,
                       Output& out) {
  Table table({"PROMPT", ">UNPATCHED", ">PATCHED", ">CHANGE"});
  const auto add = [&](const std::string& row, double first, double second) {
    table.Add({row, Number(first), Number(second), absl::StrFormat("%+.4f", second - first)});
  };
  const int prompts = std::min(before.per_prompt_size(), after.per_prompt_size());
  for (int i = 0; prompts > 1 && i < prompts; ++i) add(absl::StrCat(i), before.per_prompt(i), after.per_prompt(i));
  add("average", before.mean(), after.mean());
  Print(name, table, out);
}

}  // namespace circuitd::client
