#include "client/cli/result_output.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/heat_map_svg.h"
#include "client/cli/json_output.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

using Json = nlohmann::ordered_json;

// The shortest decimal that is this float32 again; written as a double it would have twice the digits.
Json JsonNumber(double value) {
  if (!std::isfinite(value)) return nullptr;
  const auto narrow = static_cast<float>(value);
  if (narrow != value) return value;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), narrow).ptr;
  double shortest = value;
  std::from_chars(text, end, shortest);
  return shortest;
}

// Nested arrays from dimension `depth` on; `next` is the element that comes next.
Json NestedArray(const std::vector<int64_t>& shape, const std::vector<double>& values, size_t depth, size_t& next) {
  if (depth == shape.size()) return next < values.size() ? JsonNumber(values[next++]) : Json();
  Json array = Json::array();
  // Where another dimension is 0 there is nothing, however large this one claims to be.
  for (int64_t i = 0; i < shape[depth] && next < values.size(); ++i) {
    array.push_back(NestedArray(shape, values, depth + 1, next));
  }
  return array;
}

Json PartJson(const ResultPart& part) {
  Json json = Json::parse(JsonLine(*part.summary), nullptr, /*allow_exceptions=*/false);
  Json& tensors = json["tensors"] = Json::object();
  for (const NamedTensor& tensor : part.tensors->all()) {
    size_t next = 0;
    tensors[tensor.name] = NestedArray(tensor.shape, NumbersOf(tensor), 0, next);
  }
  return json;
}

std::vector<NamedTensor> AllTensors(const std::vector<ResultPart>& parts) {
  std::vector<NamedTensor> all;
  for (const ResultPart& part : parts) {
    for (NamedTensor tensor : part.tensors->all()) {
      if (!part.name.empty()) tensor.name = absl::StrCat(part.name, "/", tensor.name);
      all.push_back(std::move(tensor));
    }
  }
  return all;
}

}  // namespace

std::string ResultJson(const std::vector<ResultPart>& parts) {
  Json json = Json::object();
  for (const ResultPart& part : parts) {
    if (part.name.empty()) {
      json = PartJson(part);
    } else {
      json[part.name] = PartJson(part);
    }
  }
  return json.dump(-1, ' ', /*ensure_ascii=*/true) + "\n";
}

void ResultOptions::AddTo(CLI::App& app) {
  app.add_option("--svg", svg_, "A picture of the result")->type_name("FILE.svg");
  app.add_option("-o,--output", tensors_, "The result's tensors")->type_name("FILE.safetensors");
}

absl::StatusOr<ResultFiles> ResultOptions::Open() const {
  ResultFiles files;
  const auto open = [](const std::string& path, std::optional<AtomicFile>& file) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(AtomicFile created, AtomicFile::Create(path));
    file.emplace(std::move(created));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(open(svg_, files.svg_));
  RETURN_IF_ERROR(open(tensors_, files.tensors_));
  return files;
}

absl::Status ResultFiles::Show(CommandContext& context, const std::vector<ResultPart>& parts, const Report& report) {
  if (tensors_) RETURN_IF_ERROR(WriteSafetensors(*std::move(tensors_), AllTensors(parts)));
  if (svg_) {
    ASSIGN_OR_RETURN(const std::string svg, HeatMapSvg(report.Maps()));
    RETURN_IF_ERROR(svg_->Write(svg));
    RETURN_IF_ERROR(svg_->Commit());
  }
  Output& out = context.out();
  out.Write(context.options().json ? ResultJson(parts) : report.Render(out.table_width(), out.colour_depth()));
  return absl::OkStatus();
}

}  // namespace circuitd::client
