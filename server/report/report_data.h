// The data of a report as its page reads it: compact, and every text in it made safe to be shown.
#pragma once

#include <string>

#include "server/report/report.h"

namespace circuitd {

// One JSON object. Nodes are numbers: embed 0, head h of layer l 1 + l * (n_heads + 1) + h, the layer's MLP
// 1 + l * (n_heads + 1) + n_heads, logits 1 + n_layers * (n_heads + 1). Inputs of receivers: 0 none, 1 q, 2 k, 3 v. A
// number that is not finite, or not known, is null. Numbers have six significant digits. Texts are EscapeText's.
//
//   {"title": "Circuit for numerals in gpt2",
//    "model": {"name": "gpt2", "n_layers": 12, "n_heads": 12},
//    "circuits": [{
//      "label": "numerals",
//      "score_line": "80.3 % of …", "parameter_line": "threshold 20 · …",    // document_text.h
//      "method": "node_pruning",                                            // "" if it is not known
//      "nodes": [1, 7, …],                                                  // heads and MLPs, ascending
//      "edges": null,                                                       // a node circuit
//      "decisions": null, "charts": [], "heads": [], "facts": []}],         // below
//    "evaluation": null, "heads": []}
//
// Of an edge circuit "edges" is {"count": 2000, "total": 32491,  // in the circuit, in the model
//   "score": "attribution score",    // what its numbers are; "" if it has none
//   "sender": […], "receiver": […], "input": […], "value": […]}   // columns; the strongest first, kMostShownEdges of
//   them
// The numbers are the circuit's scores; of circuits that were found edge by edge, what the decision compared with the
// threshold; of edge pruning 1 - that, so that more is stronger.
//
// "decisions": {"kind": "nodes", "count": 181, "threshold": 80,   // the score that must be passed to leave
//   "index": […], "node": […], "score": […], "removed": [0, 1, …], "iteration": […], "backward": [1, …],
//   "heads_kept": […], "mlps_kept": […]}
// or {"kind": "edges", "count": 32491, "threshold": 0.01, "criterion": "growth of the loss",
//   "index": […], "sender": […], "receiver": […], "input": […], "metric": […], "criterion_value": […],
//   "removed": […], "edges_kept": […]}
// Columns in order, kMostShownDecisions of them: of more, what stays comes before what leaves.
//
// "charts": [{"title": "Score after each decision", "x": "decision", "y": "score, % of the model's logit difference",
//   "x_log": false, "y_log": false,
//   "lines": [{"label": "circuit", "count": 181, "step": true, "x": […], "y": […]}],
//   "dots": [{"label": "stays", "count": 40, "x": […], "y": […]}, {"label": "leaves", …}],    // what was tried
//   "threshold": {"y": 80, "label": "threshold 20"} or null}]
// At most kMostChartPoints a line or series; "count" is how many points it has with those that are left out then.
//
// "heads": [{"label": "numerals", "prompt_count": 48, "positions_per_cell": 1,
//   "tokens": ["Van", " done", …],                 // all positions
//   "heads": {"1": {"pattern": "base64 of bytes, a cell each, 255 is 1", "writes": [[9, [" 5", " 6"]], …]}}}]
//
// "facts": [["model", "gpt2"], ["prompts", "…"], …]: provenance as it is to be read.
//
// "evaluation": {"metric": "logit_diff", "ablation": "mean", "higher_is_better": true, "random_circuits": 20,
//   "circuits": ["numerals", …], "tasks": [{"label": "numerals", "prompt_count": 96}, …],
//   "shown": [0, 1, …],       // of each of its circuits the place in "circuits" above, or null
//   "cells": [{"circuit": 0, "task": 0, "circuit_metric": 6.5, "model_metric": 7.5, "empty_metric": 0.5, "score": 86.7,
//     "faithfulness": 0.857, "random": {"mean": …, "low": …, "high": …, "as_good": …} or null,
//     "drops": {"sender": […], "receiver": [… or null for a node], "input": […], "drop": […], "percent": […]} or null,
//     "incompleteness": null, "cpr": null, "cmd": null}],
//   "charts": […],            // faithfulness curves
//   "facts": […]}
std::string ReportDataJson(const ReportContent& content);

// Its "title".
std::string ReportTitle(const ReportContent& content);

inline constexpr size_t kMostShownEdges = 20'000;
inline constexpr size_t kMostShownDecisions = 50'000;
inline constexpr size_t kMostShownDrops = 50'000;  // of all cells together
inline constexpr size_t kMostChartPoints = 2'000;

}  // namespace circuitd
