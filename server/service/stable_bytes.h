// Messages as bytes that are equal for equal messages.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace circuitd {

std::string StableBytes(const google::protobuf::Message& message);

}  // namespace circuitd
