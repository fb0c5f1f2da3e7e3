// Nodes of the computational graph to and from messages.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/graph/node.h"

namespace circuitd {

v1::Node ToProto(const Node& node);

// INVALID_ARGUMENT, naming the field ("layer") or, of a list, its entry ("senders[2].layer"), for values that no node
// has, whatever the model.
absl::StatusOr<Node> FromProto(const v1::Node& proto);
absl::StatusOr<std::vector<Node>> FromProto(const google::protobuf::RepeatedPtrField<v1::Node>& protos,
                                            absl::string_view field);

}  // namespace circuitd
