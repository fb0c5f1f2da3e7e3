// How many prompts of each variant a request gets.
#include "server/tasks/num_samples.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {
constexpr char kField[] = "prompts.num_samples";
}  // namespace

absl::Status CheckNumSamples(std::optional<int> num_samples) {
  if (!num_samples || (*num_samples >= 1 && *num_samples <= kMaxNumSamples)) return absl::OkStatus();
  return InvalidField(kField, absl::StrCat(*num_samples, ", must be 1-", kMaxNumSamples));
}

absl::StatusOr<size_t> ChooseNumSamples(std::optional<int> num_samples, size_t available, absl::string_view whose) {
  RETURN_IF_ERROR(CheckNumSamples(num_samples));
  if (!num_samples && available > static_cast<size_t>(kMaxNumSamples)) {
    return InvalidField(kField,
                        absl::StrCat("unset, and ", whose, " has ", available, " prompts: must be 1-", kMaxNumSamples));
  }
  const size_t chosen = num_samples ? static_cast<size_t>(*num_samples) : available;
  if (chosen > available) {
    return InvalidField(kField, absl::StrCat(chosen, ", ", whose, " has ", available, " prompts"));
  }
  return chosen;
}

}  // namespace circuitd
