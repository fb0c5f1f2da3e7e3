// Messages as JSON, by protobuf's own mapping.
#pragma once

#include <string>

#include "google/protobuf/message.h"

namespace circuitd::client {

// One line, with a newline: lowerCamelCase names, fields with default values too, 64-bit integers as strings, bytes in
// base64, ASCII only. A token {id, text} also gets "readable": its text with escapes for what is not printable UTF-8.
std::string JsonLine(const google::protobuf::Message& message);

// The same, indented.
std::string JsonDocument(const google::protobuf::Message& message);

}  // namespace circuitd::client
