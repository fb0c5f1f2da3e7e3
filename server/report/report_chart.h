// Charts as a report's data has them, thinned where they are long.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/report/report_json.h"

namespace circuitd {

struct ReportSeries {
  std::string label;
  std::vector<double> x, y;  // x ascending
  void Add(double at, double value) {
    x.push_back(at);
    y.push_back(value);
  }
};

struct ReportChart {
  struct Threshold {
    double y = 0;
    std::string label;
  };
  std::string title;
  std::string x, y;  // what the axes are
  bool x_log = false, y_log = false;
  bool steps = false;  // of the lines
  std::vector<ReportSeries> lines = {}, dots = {};
  std::optional<Threshold> threshold = std::nullopt;
};

// What no axis has a place for is left out: numbers that are not finite, of a logarithmic axis what is not positive. Of
// over kMostChartPoints points the axis is cut into so many parts that the least and the most of each make as many.
// nullopt: nothing is left to be shown.
std::optional<ReportJson> ChartJson(const ReportChart& chart);

}  // namespace circuitd
