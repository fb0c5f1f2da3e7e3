// report.html: circuits as a page to look at. One file that needs nothing beside it and asks no network.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/graph/circuit_document.h"
#include "server/graph/head_details.h"
#include "server/report/logged_decisions.h"
#include "server/report/logged_evaluation.h"

namespace circuitd {

struct ReportedCircuit {
  std::string label;
  CircuitDocument document;
  LoggedDecisions decisions;        // none: monostate
  std::vector<HeadDetails> heads;   // on one set of prompts or more
  std::optional<size_t> evaluated;  // its place among the evaluation's circuits
};

// A set of circuits of one model. Labels and all other texts may be anyone's: they are shown, never run.
struct ReportContent {
  std::vector<ReportedCircuit> circuits;  // none (an evaluation alone), or up to kMostReportedCircuits
  std::optional<LoggedEvaluation> evaluation;
  std::vector<HeadDetails> heads;  // of the evaluation's tasks
};

inline constexpr size_t kMostReportedCircuits = 16;

// The page. The same content gives the same bytes. Thread-safe.
std::string ReportHtml(const ReportContent& content);

}  // namespace circuitd
