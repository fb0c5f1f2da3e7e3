// Values of a metric, for people.
#pragma once

#include <string>

#include "circuitd/v1/metric.pb.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

// A line for each prompt, if there are several, and the average.
void PrintMetric(const std::string& name, const v1::MetricValue& value, Output& out);

// The same of two runs, with the change.
void PrintMetricChange(const std::string& name, const v1::MetricValue& before, const v1::MetricValue& after,
                       Output& out);

}  // namespace circuitd::client
