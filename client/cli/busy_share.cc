#include "client/cli/busy_share.h"

#include <algorithm>

#include "client/cli/proto_duration.h"

namespace circuitd::client {

std::optional<double> BusyShare(const v1::GetServerInfoResponse& before, const v1::GetServerInfoResponse& now,
                                const v1::Device& device) {
  const bool same_life = before.start_time().seconds() == now.start_time().seconds() &&
                         before.start_time().nanos() == now.start_time().nanos();
  double busy = Seconds(device.busy_time());
  double time = Seconds(now.uptime());
  if (same_life && Seconds(before.uptime()) < time) {
    time -= Seconds(before.uptime());
    for (const v1::Device& earlier : before.devices()) {
      if (earlier.name() == device.name()) busy -= Seconds(earlier.busy_time());
    }
  }
  if (!(time > 0)) return std::nullopt;
  return std::clamp(busy / time, 0.0, 1.0);
}

}  // namespace circuitd::client
