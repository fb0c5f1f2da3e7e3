// `circuit export` and `circuit import`: a circuit's file in another format.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "base/status.h"
#include "client/cli/choice_option.h"
#include "client/cli/circuit_files.h"
#include "client/cli/circuit_model_options.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "server/graph/circuit_exports.h"

namespace circuitd::client {
namespace {

enum class ExportFormat { kCircuit, kDot, kSvg, kGraphMl, kEap, kSeqcont };

struct ExportOptions {
  std::string file;
  CircuitModelOptions model;
  ExportFormat format = ExportFormat::kCircuit;
  bool merge_inputs = false;
  std::string output;
};

std::string InFormat(const CircuitDocument& document, ExportFormat format, HeadInputs inputs) {
  switch (format) {
    case ExportFormat::kDot:
      return CircuitDot(document, inputs);
    case ExportFormat::kSvg:
      return CircuitSvg(document, inputs);
    case ExportFormat::kGraphMl:
      return CircuitGraphMl(document, inputs);
    case ExportFormat::kEap:
      return EapJson(document);
    case ExportFormat::kSeqcont:
      return SeqcontJson(document.circuit.nodes);
    case ExportFormat::kCircuit:
      break;
  }
  return CircuitJson(document);
}

absl::StatusOr<int> Export(CommandContext& context, const ExportOptions& options) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadCircuitFile(options.file));
  ASSIGN_OR_RETURN(const std::optional<CircuitModel> model, options.model.Read(context));
  ASSIGN_OR_RETURN(const CircuitDocument document, ParseCircuitFile(options.file, bytes, model));
  const HeadInputs inputs = options.merge_inputs ? HeadInputs::kMerged : HeadInputs::kSplit;
  RETURN_IF_ERROR(WriteText(context, options.output, InFormat(document, options.format, inputs)));
  return kExitOk;
}

// What both have; `output` says what is written.
std::shared_ptr<ExportOptions> AddTo(CLI::App& command, CommandContext& context, const std::string& output) {
  command.fallthrough();
  auto options = std::make_shared<ExportOptions>();
  command.add_option("file", options->file, "A circuit's file, or a folder with circuit.json; - is standard input")
      ->required()
      ->type_name("FILE");
  options->model.AddTo(command);
  command.add_option("-o,--output", options->output, output + " (default: standard output)")->type_name("FILE");
  context.Register(&command, [&context, options] { return Export(context, *options); });
  return options;
}

}  // namespace

void AddExportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("export", "A circuit's file as a picture, or for other tools");
  const auto options = AddTo(*command, context, "The picture or file");
  const std::map<std::string, ExportFormat> formats = {
      {"dot", ExportFormat::kDot}, {"svg", ExportFormat::kSvg},         {"graphml", ExportFormat::kGraphMl},
      {"eap", ExportFormat::kEap}, {"seqcont", ExportFormat::kSeqcont}, {"circuit", ExportFormat::kCircuit}};
  AddChoiceOption(*command, "--format", options->format, formats,
                  "dot (graphviz), svg, graphml, eap (as EAP-IG and the MIB benchmark have it), seqcont (the published "
                  "heads and MLPs) or circuit (circuit.json)",
                  "FORMAT")
      ->required();
  command->add_flag("--merge-inputs", options->merge_inputs,
                    "In pictures and GraphML: one end for a head's q, k and v");
}

void AddImportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "import", "circuit.json of another tool's file: of EAP-IG, the MIB benchmark, or published heads and MLPs");
  AddTo(*command, context, "circuit.json");
}

}  // namespace circuitd::client
