// Statuses that name the request's field they are about, and the macros that pass statuses on.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// A status whose message is "field: description" and that remembers `field`, so that the RPC layer can answer with a
// BadRequest detail. `field` is spelt as in the request: "interventions[2].layer".
absl::Status FieldError(absl::StatusCode code, absl::string_view field, absl::string_view description);

// FieldError with INVALID_ARGUMENT, by far the most usual.
absl::Status InvalidField(absl::string_view field, absl::string_view description);

// The field of a FieldError; nullopt for other statuses.
std::optional<std::string> FieldOf(const absl::Status& status);

// The same error about `prefix` + its field ("prompts[3]" + ".clean"), or, if it names none, about `prefix`.
absl::Status WithFieldPrefix(absl::string_view prefix, const absl::Status& status);

}  // namespace circuitd

#define CIRCUITD_CONCAT_INNER(a, b) a##b
#define CIRCUITD_CONCAT(a, b) CIRCUITD_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` is an error.
#define RETURN_IF_ERROR(expr)                                         \
  do {                                                                \
    if (absl::Status status_ = (expr); !status_.ok()) return status_; \
  } while (false)

// ASSIGN_OR_RETURN(auto value, StatusOrExpression());
#define ASSIGN_OR_RETURN(lhs, expr) CIRCUITD_ASSIGN_OR_RETURN(CIRCUITD_CONCAT(status_or_, __LINE__), lhs, expr)
#define CIRCUITD_ASSIGN_OR_RETURN(result, lhs, expr)   \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)
