// Asks a server what `circuit top` shows.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "client/canceller.h"
#include "client/cli/top_state.h"
#include "client/client.h"

namespace circuitd::client {

// Not thread-safe.
class TopSource {
 public:
  using MakeClient = std::function<absl::StatusOr<std::unique_ptr<Client>>()>;

  // `make_client` makes one with a connection of its own, without waiting for it.
  TopSource(std::unique_ptr<Client> client, MakeClient make_client);

  // Calls, one after the other; their errors. All jobs that run or wait. Of those that have ended the last ones of the
  // newest 200, and of those that an earlier snapshot had.
  absl::StatusOr<TopSnapshot> Take(Canceller* canceller = nullptr);

 private:
  absl::StatusOr<TopSnapshot> Ask(Canceller* canceller);

  const MakeClient make_client_;
  // Empty after one whose server did not answer.
  std::unique_ptr<Client> client_;
  // Names of the jobs of the last snapshot.
  std::set<std::string> seen_;
};

}  // namespace circuitd::client
