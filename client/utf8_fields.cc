#include "client/utf8_fields.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "google/protobuf/descriptor.h"

namespace circuitd::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status CheckValue(const Message& message, const FieldDescriptor* field, int index) {
  const auto* reflection = message.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return CheckStringsAreUtf8(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, index)
                                                    : reflection->GetMessage(message, field));
  }
  std::string scratch;
  const std::string& text = field->is_repeated()
                                ? reflection->GetRepeatedStringReference(message, field, index, &scratch)
                                : reflection->GetStringReference(message, field, &scratch);
  const auto bad = FirstInvalidUtf8(text);
  if (!bad) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("invalid UTF-8 at byte ", *bad));
}

}  // namespace

absl::Status CheckStringsAreUtf8(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() != FieldDescriptor::TYPE_STRING && field->type() != FieldDescriptor::TYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const std::string name(field->is_repeated() ? absl::StrCat(field->name(), "[", i, "]") : field->name());
      RETURN_IF_ERROR(WithFieldPrefix(name, CheckValue(message, field, i)));
    }
  }
  return absl::OkStatus();
}

}  // namespace circuitd::client
