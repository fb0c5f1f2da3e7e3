// The border between exceptions of opaque callables and our statuses.
#pragma once

#include <exception>
#include <new>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace circuitd {

// Calls `body`, which returns absl::Status or absl::StatusOr<T>. Out of memory becomes RESOURCE_EXHAUSTED, any other
// exception INTERNAL.
template <typename Body>
auto RunGuarded(Body&& body) -> std::invoke_result_t<Body> {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
  } catch (...) {
    return absl::InternalError("unexpected exception of unknown type");
  }
}

}  // namespace circuitd
