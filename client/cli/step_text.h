// Steps of jobs as text.
#pragma once

#include <string>

#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// "A3.1 97.10% removed".
std::string DecisionText(const v1::PruningDecision& decision);

// "A5.1->A7.11.q 0.7312 stays": with what was compared with the threshold.
std::string DecisionText(const v1::EdgeDecision& decision);

// "64 pairs", or, of exact effects, "receiver A3.1.q".
std::string StepText(const v1::AttributionStep& step);

// "numerals on months: random 7, 2.1034", as the spec names circuits and tasks; "circuit 2" and "task 3" where it does
// not.
std::string StepText(const v1::EvaluationStep& step, const v1::EvaluationSpec& spec);

// Of the event's decision or step; empty if it has none.
std::string StepText(const v1::JobEvent& event, const v1::JobSpec& spec);

// What is kept after the event's decision: "20 heads 3 MLPs", "120 edges"; empty if it says nothing of that.
std::string KeptText(const v1::JobEvent& event);

}  // namespace circuitd::client
