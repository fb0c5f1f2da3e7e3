// What clients print and write about jobs, read and compared.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace circuitd {

// A document a line; fails the test where one is none.
std::vector<nlohmann::json> JsonLines(const std::string& text);

// The events among the messages of `circuit watch --json`; fails the test unless they are numbered from 1 on. Without
// the progress, of which a watcher that lags behind is told only the newest.
std::vector<nlohmann::json> EventsOf(const std::string& messages);

// The decisions among events.
std::vector<nlohmann::json> DecisionsOf(const std::vector<nlohmann::json>& events);

// Expects the same document but for numbers with a point, which are the same to 1e-4.
void ExpectSame(const nlohmann::json& actual, const nlohmann::json& expected);

// The same for two files circuit.json, but for where they come from: jobs and times.
void ExpectSameCircuit(const std::string& actual, const std::string& expected);

}  // namespace circuitd
