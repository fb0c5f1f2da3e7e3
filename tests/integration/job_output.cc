#include "tests/integration/job_output.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

namespace circuitd {
namespace {

constexpr double kTolerance = 1e-4;

}  // namespace

std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> documents;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    documents.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_FALSE(documents.back().is_discarded()) << line;
  }
  return documents;
}

std::vector<nlohmann::json> EventsOf(const std::string& messages) {
  std::vector<nlohmann::json> events;
  for (const nlohmann::json& message : JsonLines(messages)) {
    if (!message.contains("event")) continue;
    events.push_back(message["event"]);
    EXPECT_EQ(events.back()["sequence"], std::to_string(events.size()));
    if (events.back().contains("decision")) events.back()["decision"].erase("progress");
  }
  return events;
}

std::vector<nlohmann::json> DecisionsOf(const std::vector<nlohmann::json>& events) {
  std::vector<nlohmann::json> decisions;
  for (const nlohmann::json& event : events) {
    if (event.contains("decision")) decisions.push_back(event["decision"]["decision"]);
  }
  return decisions;
}

void ExpectSame(const nlohmann::json& actual, const nlohmann::json& expected) {
  const nlohmann::json actual_parts = actual.flatten(), expected_parts = expected.flatten();
  EXPECT_EQ(actual_parts.size(), expected_parts.size()) << actual << expected;
  for (const auto& [path, value] : expected_parts.items()) {
    const nlohmann::json found = actual_parts.contains(path) ? actual_parts[path] : nlohmann::json();
    if (value.is_number() && found.is_number() && (value.is_number_float() || found.is_number_float())) {
      EXPECT_NEAR(found.get<double>(), value.get<double>(), kTolerance) << path;
    } else {
      EXPECT_EQ(found, value) << path;
    }
  }
}

void ExpectSameCircuit(const std::string& actual, const std::string& expected) {
  std::vector<nlohmann::json> circuits;
  for (const std::string& text : {actual, expected}) {
    circuits.push_back(nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false));
    EXPECT_GT(circuits.back().erase("provenance"), 0u) << text;
  }
  ExpectSame(circuits[0], circuits[1]);
}

}  // namespace circuitd
