// `circuit ov`: what heads write and look for by their weights alone.
#include <memory>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/cli/attention_maps.h"
#include "client/cli/command.h"
#include "client/cli/count_option.h"
#include "client/cli/exit_code.h"
#include "client/cli/head_grid.h"
#include "client/cli/node_text.h"
#include "client/cli/position_text.h"
#include "client/cli/prompt_options.h"
#include "client/cli/reading_command.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

using OvReply = Reply<v1::ScoreOvSummary>;
using QkReply = Reply<v1::ScoreQkSummary>;

struct OvOptions {
  ReadingOptions reading;
  CLI::Option* positions = nullptr;
  std::string sequence;
  uint32_t top_k = 0;
  size_t top = 10;
  CLI::Option* chosen = nullptr;
};

template <typename Request>
absl::Status Fill(const OvOptions& options, Request& request) {
  request.set_model(options.reading.model);
  ASSIGN_OR_RETURN(const auto positions, ReadPositions(*options.positions));
  if (positions) *request.mutable_positions() = *positions;
  if (!options.sequence.empty()) *request.mutable_sequence() = ParseAnswer(options.sequence);
  return absl::OkStatus();
}

// A map of each score, and the highest heads of all.
absl::Status AddScores(const TensorSet& tensors, const std::vector<std::pair<std::string, std::string>>& scores,
                       size_t top, Report& report) {
  std::vector<Ranking> rankings;
  for (const auto& [name, title] : scores) {
    ASSIGN_OR_RETURN(const std::vector<HeadValue> values, ReadAllHeads(tensors, name));
    ASSIGN_OR_RETURN(HeatMap map, HeadMap(title, values, ColourScale::kSequential));
    map.quantity = "score";
    report.AddMap(std::move(map));
    rankings.push_back({name, Strongest(values, top, /*by_size=*/false)});
  }
  report.AddTable(RankingTable(rankings));
  return absl::OkStatus();
}

absl::Status AddQk(const QkReply& reply, const OvOptions& options, Report& report) {
  RETURN_IF_ERROR(AddScores(
      reply.tensors,
      {{"same", "QK: members that look for themselves"}, {"previous", "QK: members that look for the one before"}},
      options.top, report));
  std::vector<std::pair<uint32_t, uint32_t>> chosen;
  for (const std::string& text : options.chosen->results()) {
    ASSIGN_OR_RETURN(const auto head, ParseHead(text));
    chosen.push_back(head);
  }
  if (chosen.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const NamedTensor* scores, reply.tensors.Find("scores"));
  AttentionTensor tensor{"scores", {}, {}};
  if (scores->shape.size() != 4) return absl::DataLossError("scores: the server's tensor is not of four dimensions");
  const auto count = [](int64_t size, std::vector<uint32_t>& out) {
    for (uint32_t i = 0; i < kMaxGridSide && i < size; ++i) out.push_back(i);
  };
  count(scores->shape[0], tensor.layers);
  count(scores->shape[1], tensor.heads);
  const PromptLabels labels{{reply.summary.members().begin(), reply.summary.members().end()}, {}};
  ASSIGN_OR_RETURN(std::vector<HeatMap> maps,
                   AttentionMaps(reply.tensors, tensor, chosen, labels, ColourScale::kDiverging));
  for (HeatMap& map : maps) {
    map.quantity = "score";
    report.AddMap(std::move(map));
  }
  return absl::OkStatus();
}

// Nullopt where too few members stand in the prompts and nobody named a sequence: then there is nothing to ask for.
absl::StatusOr<std::optional<QkReply>> AskQk(const ReadingSession& session, const OvOptions& options,
                                             const OvReply& ov) {
  if (options.sequence.empty() && ov.summary.member_count() == 0) return std::nullopt;
  v1::ScoreQkRequest request;
  RETURN_IF_ERROR(Fill(options, request));
  *request.mutable_prompts() = session.prompts;
  absl::StatusOr<QkReply> reply = CollectReply(*session.client, &Client::ScoreQk, request);
  if (reply.ok()) return *std::move(reply);
  if (!options.sequence.empty() || !absl::IsFailedPrecondition(reply.status())) return reply.status();
  PrintError(absl::StrCat("circuit: no QK scores: ", reply.status().message()));
  return std::nullopt;
}

absl::StatusOr<int> Ov(CommandContext& context, const OvOptions& options) {
  for (const std::string& text : options.chosen->results()) {
    const auto head = ParseHead(text);
    if (!head.ok()) return WithFieldPrefix("--head", head.status());
  }
  v1::ScoreOvRequest request;
  RETURN_IF_ERROR(Fill(options, request));
  request.set_top_k(options.top_k);
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  ASSIGN_OR_RETURN(const OvReply ov, CollectReply(*session.client, &Client::ScoreOv, request));
  ASSIGN_OR_RETURN(const std::optional<QkReply> qk, AskQk(session, options, ov));
  Report report;
  report.AddLine(absl::StrCat(ov.summary.position_count(), " positions, ", ov.summary.member_count(),
                              " of them with a next member"));
  RETURN_IF_ERROR(AddScores(ov.tensors,
                            {{"copy", "OV: positions whose token the head writes"},
                             {"next", "OV: positions whose next member the head writes"}},
                            options.top, report));
  std::vector<ResultPart> parts = {{"ov", &ov.summary, &ov.tensors}};
  if (qk) {
    RETURN_IF_ERROR(AddQk(*qk, options, report));
    parts.push_back({"qk", &qk->summary, &qk->tensors});
  }
  RETURN_IF_ERROR(session.files.Show(context, parts, report));
  return kExitOk;
}

}  // namespace

void AddOvCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("ov", "OV and QK scores: heads that copy tokens, or write the next member");
  command->fallthrough();
  auto options = std::make_shared<OvOptions>();
  options->reading.AddTo(*command);
  options->positions = AddPositionsOption(*command, "Positions to read (default: all): see below");
  command
      ->add_option("--sequence", options->sequence,
                   "Members in order, for next-member and QK scores, as a JSON array: '[\" 1\", \" 2\"]' (default: "
                   "the task's)")
      ->type_name("JSON");
  AddCountOption(*command, "--top-k", options->top_k, "A token counts as written if it is among so many (default: 5)");
  AddCountOption(*command, "--top", options->top, "Heads in the tables")->capture_default_str();
  options->chosen = AddRawOption(*command, "--head", "Show the QK scores of this head: 3.0 (repeatable)");
  command->footer(kPositionHelp);
  context.Register(command, [&context, options] { return Ov(context, *options); });
}

}  // namespace circuitd::client
