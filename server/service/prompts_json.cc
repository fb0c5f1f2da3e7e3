#include "server/service/prompts_json.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "nlohmann/json.hpp"
#include "server/tasks/prompt_source.h"

namespace circuitd {

std::string PromptsJson(v1::PromptSource source, size_t pairs) {
  using Json = nlohmann::ordered_json;
  size_t variants = 1;
  if (source.has_task()) {
    v1::GeneratedTask& task = *source.mutable_task();
    const TaskDescription* description = FindTask(task.task());
    if (description != nullptr && task.variants().empty()) {
      for (const std::string& variant : description->variants) task.add_variants(variant);
    }
    variants = std::max(1, task.variants_size());
  } else if (source.has_published()) {
    variants = source.published().clean_dataset_sha256s_size();
  }
  source.set_num_samples(static_cast<uint32_t>(pairs / variants));
  Json inline_counts;
  if (source.has_inline_()) {
    // The prompts themselves are in the job's spec; they may be many times as large as everything else.
    inline_counts = {{"clean", source.inline_().clean_size()},
                     {"corrupted", source.inline_().corrupted_size()},
                     {"answers", source.inline_().answers_size()}};
    source.mutable_inline_()->Clear();
  }

  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(source, &text, options).ok()) return "{}";
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  // Protobuf writes 64-bit numbers as strings.
  if (source.has_task() && json.contains("task")) json["task"]["seed"] = source.task().seed();
  if (source.has_inline_()) json["inline"] = inline_counts;
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace circuitd
