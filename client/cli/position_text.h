// Positions of a prompt as they are typed: "0,-1,role:last_member,token:\" in\"".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/prompt.pb.h"

namespace circuitd::client {

inline constexpr char kPositionHelp[] =
    "Positions:\n"
    "  A list with commas: numbers (from 0, negative ones from the end), role:NAME (a position that the prompt\n"
    "  names), token:TEXT (every position with that token; token:\" in, x\" with quotes, and \\\" and \\\\ in them, "
    "where "
    "the\n  text has commas or colons), id:N (likewise, by the token's id). E.g. 0,-1,role:last_member,token:. \n";

// The pieces of `text` between separators that stand outside double quotes; in quotes '\' takes the next character as
// it is. INVALID_ARGUMENT for a quote that is not closed.
absl::StatusOr<std::vector<absl::string_view>> SplitOutsideQuotes(absl::string_view text, char separator);

// INVALID_ARGUMENT says which part is none of these.
absl::StatusOr<v1::PositionSelector> ParsePositions(absl::string_view text);

// "last_member=17". INVALID_ARGUMENT for other texts.
absl::StatusOr<std::pair<std::string, uint32_t>> ParseRole(absl::string_view text);

}  // namespace circuitd::client
