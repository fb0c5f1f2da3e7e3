// `circuit attn`: attention patterns, and which heads look like the known kinds.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
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
#include "client/cli/reading_command.h"
#include "client/cli/text.h"
#include "client/stream_reply.h"

namespace circuitd::client {
namespace {

using AttentionReply = Reply<v1::ReadAttentionSummary>;

struct AttnOptions {
  ReadingOptions reading;
  std::vector<uint32_t> layers;
  std::vector<uint32_t> heads;
  size_t top = 10;
  CLI::Option* chosen = nullptr;
  std::optional<uint32_t> prompt;
  bool attn_scores = false;
  CLI::Option* highlights = nullptr;
};

absl::Status AddScores(const AttentionReply& reply, size_t top, Report& report) {
  const std::vector<uint32_t> layers(reply.summary.layers().begin(), reply.summary.layers().end());
  const std::vector<uint32_t> heads(reply.summary.heads().begin(), reply.summary.heads().end());
  std::vector<Ranking> rankings;
  for (const char* name : {"previous_token", "duplicate_token", "induction"}) {
    ASSIGN_OR_RETURN(const std::vector<HeadValue> values, ReadHeads(reply.tensors, name, layers, heads));
    rankings.push_back({name, Strongest(values, top, /*by_size=*/false)});
    ASSIGN_OR_RETURN(HeatMap map, HeadMap(absl::StrCat(name, " score"), values, ColourScale::kSequential));
    map.quantity = "score";
    report.AddPictureOnly(std::move(map));
  }
  report.AddTable(RankingTable(rankings));
  return absl::OkStatus();
}

v1::ReadAttentionRequest PatternRequest(const AttnOptions& options,
                                        const std::vector<std::pair<uint32_t, uint32_t>>& chosen) {
  v1::ReadAttentionRequest request;
  request.set_model(options.reading.model);
  std::set<uint32_t> layers, heads;
  for (const auto& [layer, head] : chosen) {
    layers.insert(layer);
    heads.insert(head);
  }
  request.mutable_layers()->Add(layers.begin(), layers.end());
  request.mutable_heads()->Add(heads.begin(), heads.end());
  request.set_mean_pattern(!options.prompt);
  request.set_patterns(options.prompt && !options.attn_scores);
  request.set_attn_scores(options.attn_scores);
  return request;
}

// The summary tells of the first prompt only.
absl::StatusOr<PromptLabels> LabelsOf(const ReadingSession& session, const AttnOptions& options,
                                      const v1::ReadAttentionSummary& summary) {
  PromptLabels labels{{summary.tokens().begin(), summary.tokens().end()},
                      {summary.roles().begin(), summary.roles().end()}};
  const uint32_t wanted = options.prompt.value_or(0);
  if (wanted == 0) return labels;
  v1::GeneratePromptsRequest request;
  request.set_model(options.reading.model);
  *request.mutable_prompts() = session.prompts;
  uint64_t seen = 0;
  bool found = false;
  RETURN_IF_ERROR(session.client->GeneratePrompts(request, [&](const v1::GeneratePromptsResponse& response) {
    for (const v1::PromptPair& pair : response.pairs().pairs()) {
      if (seen++ != wanted) continue;
      found = true;
      labels = {{pair.clean().begin(), pair.clean().end()}, {pair.roles().begin(), pair.roles().end()}};
    }
    return absl::OkStatus();
  }));
  if (!found) return InvalidField("--prompt", absl::StrCat(wanted, ", of ", CountOf(seen, "prompt")));
  return labels;
}

absl::Status AddPatterns(const ReadingSession& session, const AttnOptions& options,
                         const std::vector<std::pair<uint32_t, uint32_t>>& chosen, const AttentionReply& reply,
                         Report& report) {
  ASSIGN_OR_RETURN(const PromptLabels labels, LabelsOf(session, options, reply.summary));
  const AttentionTensor tensor{absl::StrCat(options.attn_scores ? "attn_scores/" : "pattern/",
                                            options.prompt ? absl::StrCat(*options.prompt) : "mean"),
                               {reply.summary.layers().begin(), reply.summary.layers().end()},
                               {reply.summary.heads().begin(), reply.summary.heads().end()}};
  const ColourScale scale = options.attn_scores ? ColourScale::kDiverging : ColourScale::kSequential;
  ASSIGN_OR_RETURN(std::vector<HeatMap> maps, AttentionMaps(reply.tensors, tensor, chosen, labels, scale));
  for (HeatMap& map : maps) {
    map.quantity = options.attn_scores ? "attention score" : "attention";
    for (const std::string& text : options.highlights->results()) RETURN_IF_ERROR(Highlight(text, labels, map));
    report.AddMap(std::move(map));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Attn(CommandContext& context, const AttnOptions& options) {
  std::vector<std::pair<uint32_t, uint32_t>> chosen;
  for (const std::string& text : options.chosen->results()) {
    const auto head = ParseHead(text);
    if (!head.ok()) return WithFieldPrefix("--head", head.status());
    chosen.push_back(*head);
  }
  if (chosen.empty() && (options.prompt || options.attn_scores || !options.highlights->results().empty())) {
    return InvalidField("--head", "which one? --prompt, --attn-scores and --highlight are about the chosen heads");
  }
  if (options.attn_scores && !options.prompt) return InvalidField("--attn-scores", "needs --prompt N");
  v1::ReadAttentionRequest request;
  request.set_model(options.reading.model);
  request.mutable_layers()->Add(options.layers.begin(), options.layers.end());
  request.mutable_heads()->Add(options.heads.begin(), options.heads.end());
  ASSIGN_OR_RETURN(ReadingSession session, BeginReading(context, options.reading));
  *request.mutable_prompts() = session.prompts;
  ASSIGN_OR_RETURN(const AttentionReply scores, CollectReply(*session.client, &Client::ReadAttention, request));
  Report report;
  RETURN_IF_ERROR(AddScores(scores, options.top, report));
  if (chosen.empty()) {
    RETURN_IF_ERROR(session.files.Show(context, {{"", &scores.summary, &scores.tensors}}, report));
    return kExitOk;
  }
  v1::ReadAttentionRequest pattern_request = PatternRequest(options, chosen);
  *pattern_request.mutable_prompts() = session.prompts;
  ASSIGN_OR_RETURN(const AttentionReply patterns,
                   CollectReply(*session.client, &Client::ReadAttention, pattern_request));
  RETURN_IF_ERROR(AddPatterns(session, options, chosen, patterns, report));
  RETURN_IF_ERROR(session.files.Show(
      context, {{"scores", &scores.summary, &scores.tensors}, {"patterns", &patterns.summary, &patterns.tensors}},
      report));
  return kExitOk;
}

}  // namespace

void AddAttnCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("attn", "Attention: previous-token, duplicate-token and induction heads; patterns of heads");
  command->fallthrough();
  auto options = std::make_shared<AttnOptions>();
  options->reading.AddTo(*command);
  AddIndicesOption(*command, "--layers", options->layers, "Score only these layers: 0,3");
  AddIndicesOption(*command, "--heads", options->heads, "Score only these heads of each layer: 0,3");
  AddCountOption(*command, "--top", options->top, "Heads in the table")->capture_default_str();
  options->chosen = AddRawOption(*command, "--head", "Show the pattern of this head: 3.0 (repeatable)");
  AddCountOption(*command, "--prompt", options->prompt, "Of this prompt, from 0 (default: the mean over all)");
  command->add_flag("--attn-scores", options->attn_scores, "With --prompt: what goes into the softmax");
  options->highlights = AddRawOption(
      *command, "--highlight",
      "Outline attention from one named position to another: end:last_member, member_*:member_*; or early, mid, late, "
      "as published for sequence continuation (repeatable)");
  context.Register(command, [&context, options] { return Attn(context, *options); });
}

}  // namespace circuitd::client
