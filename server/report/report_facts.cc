#include "server/report/report_facts.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/graph/document_text.h"
#include "server/graph/edge_order.h"
#include "server/graph/json_text.h"

namespace circuitd {
namespace {

// Of one object.
constexpr size_t kMostFacts = 40;

// The prompts' source without what nobody chose: enums that are unspecified say nothing.
void RemoveUnspecified(ReportJson& json) {
  if (!json.is_structured()) return;
  for (auto it = json.begin(); it != json.end();) {
    const bool unspecified =
        json.is_object() && it->is_string() && absl::EndsWith(it->get_ref<const std::string&>(), "_UNSPECIFIED");
    if (unspecified) {
      it = json.erase(it);
      continue;
    }
    RemoveUnspecified(*it++);
  }
}

std::string SourceText(absl::string_view json) {
  ReportJson source = JsonObjectOf(json);
  RemoveUnspecified(source);
  return source.is_null() || source.empty() ? "" : JsonText(source, -1);
}

class Facts {
 public:
  void Add(absl::string_view name, absl::string_view text) {
    if (!text.empty()) list_.push_back(ReportJson::array({ReportText(name), ReportText(text)}));
  }

  // A fact each key that has a value: "max iterations": "3".
  void AddObject(absl::string_view json) {
    const ReportJson object = JsonObjectOf(json);
    size_t count = 0;
    for (const auto& [key, value] : object.items()) {
      if (value.is_null() || ++count > kMostFacts) continue;
      Add(absl::StrReplaceAll(key, {{"_", " "}}), value.is_string() ? value.get<std::string>() : JsonText(value, -1));
    }
  }

  void AddModel(const std::string& name, const std::string& sha256, const ModelConfig& config) {
    Add("model", name);
    Add("model's sha256", sha256);
    std::string size =
        absl::StrCat(config.n_layers, " layers of ", config.n_heads, " heads, ", EdgeCount(config), " edges");
    if (config.d_model > 0) absl::StrAppend(&size, ", d_model ", config.d_model);
    Add("model's size", size);
  }

  void AddProvenance(const std::string& version, const std::string& device, const std::string& dtype,
                     const std::string& created) {
    Add("server", version);
    Add("device", device);
    Add("dtype", dtype);
    Add("created", created);
  }

  ReportJson Take() { return std::move(list_); }

 private:
  ReportJson list_ = ReportJson::array();
};

}  // namespace

ReportJson CircuitFacts(const CircuitDocument& document) {
  Facts facts;
  facts.AddModel(document.model_name, document.model_sha256, document.config);
  if (!document.task_json.empty()) {
    facts.Add("prompts", TaskTitle(document));
    facts.Add("prompts' source", SourceText(document.task_json));
  }
  facts.AddObject(document.parameters_json);
  facts.AddObject(document.results_json);
  facts.AddProvenance(document.server_version, document.device, document.dtype, document.created);
  return facts.Take();
}

ReportJson EvaluationFacts(const LoggedEvaluation& evaluation) {
  Facts facts;
  facts.AddModel(evaluation.model_name, evaluation.model_sha256, evaluation.config);
  facts.AddObject(evaluation.parameters_json);
  for (const LoggedEvaluation::TaskEntry& task : evaluation.tasks) {
    facts.Add(absl::StrCat("prompts of ", task.label), SourceText(task.prompts_json));
  }
  facts.AddProvenance(evaluation.server_version, evaluation.device, evaluation.dtype, evaluation.created);
  return facts.Take();
}

}  // namespace circuitd
