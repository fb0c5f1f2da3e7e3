#include "server/service/circuit_sources.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/graph/node_validation.h"
#include "server/jobs/job_manager.h"
#include "server/service/convert_graph.h"
#include "server/service/convert_job.h"
#include "server/service/dataset_store.h"
#include "server/service/labels.h"

namespace circuitd {
namespace {

constexpr char kCircuitFile[] = "circuit.json";

absl::StatusOr<CircuitDocument> Parse(absl::string_view text, absl::string_view field, const ModelConfig& config) {
  absl::StatusOr<CircuitDocument> document = ParseCircuit(text, &config);
  // It names the file's keys, which are no fields of the request.
  if (!document.ok()) return FieldError(document.status().code(), field, document.status().message());
  return document;
}

absl::StatusOr<CircuitDocument> OfDataset(const DatasetStore& datasets, const std::string& sha256,
                                          absl::string_view field, const ModelConfig& config) {
  const auto dataset = datasets.Get(sha256);
  if (!dataset.ok()) {
    return FieldError(dataset.status().code(), absl::StrCat(field, ".dataset_sha256"),
                      absl::StrCat("no dataset ", sha256, "; upload it first"));
  }
  if ((*dataset)->format != FileFormat::kCircuit) {
    return InvalidField(absl::StrCat(field, ".dataset_sha256"),
                        absl::StrCat("dataset ", sha256, " has another format, must be CIRCUIT"));
  }
  return Parse((*dataset)->bytes, field, config);
}

absl::StatusOr<CircuitDocument> OfJob(const JobManager& jobs, const std::string& name, absl::string_view field,
                                      const ModelConfig& config) {
  const std::string job_field = absl::StrCat(field, ".job");
  const auto about_job = [&](const absl::Status& status) {
    return FieldError(status.code(), job_field, status.message());
  };
  ASSIGN_OR_RETURN(const std::string id, JobIdFromName(name));
  const absl::StatusOr<JobView> job = jobs.Get(id);
  if (!job.ok()) return about_job(job.status());
  if (job->record.state != JobState::kSucceeded) {
    return FieldError(absl::StatusCode::kFailedPrecondition, job_field,
                      absl::StrCat(name, " is ", JobStateName(job->record.state), ", must have succeeded"));
  }
  const auto artifact = jobs.GetArtifact(id, kCircuitFile);
  if (absl::IsNotFound(artifact.status())) {
    return FieldError(absl::StatusCode::kFailedPrecondition, job_field, absl::StrCat(name, " has found no circuit"));
  }
  if (!artifact.ok()) return about_job(artifact.status());
  const absl::StatusOr<std::string> bytes = artifact->second->Read(0, artifact->second->size());
  if (!bytes.ok()) return about_job(bytes.status());
  return Parse(*bytes, field, config);
}

absl::StatusOr<CircuitDocument> OfNodes(const v1::Circuit& circuit, absl::string_view field,
                                        const ModelConfig& config) {
  const std::string list = absl::StrCat(field, ".inline.nodes");
  CircuitDocument document;
  document.config = config;
  for (int i = 0; i < circuit.nodes_size(); ++i) {
    const std::string entry = absl::StrCat(list, "[", i, "]");
    const absl::StatusOr<Node> node = FromProto(circuit.nodes(i));
    if (!node.ok()) return WithFieldPrefix(entry, node.status());
    if (!node->is_head() && !node->is_mlp()) {
      return InvalidField(entry, absl::StrCat(NodeName(*node), ", must be a head or an MLP"));
    }
    if (node->input != Node::Input::kNone) return InvalidField(entry + ".input", "is for receivers alone");
    if (const absl::Status status = ValidateSender(config, *node); !status.ok()) return WithFieldPrefix(entry, status);
    if (!document.circuit.nodes.insert(*node).second) {
      return InvalidField(entry, absl::StrCat(NodeName(*node), " is there more than once"));
    }
  }
  return document;
}

absl::StatusOr<CircuitDocument> Document(const ServerParts& parts, const v1::CircuitSource& source,
                                         absl::string_view field, const ModelConfig& config) {
  switch (source.source_case()) {
    case v1::CircuitSource::kDatasetSha256:
      return OfDataset(parts.datasets, source.dataset_sha256(), field, config);
    case v1::CircuitSource::kJob:
      return OfJob(parts.jobs, source.job(), field, config);
    case v1::CircuitSource::kInline:
      return OfNodes(source.inline_(), field, config);
    case v1::CircuitSource::SOURCE_NOT_SET:
      break;
  }
  return InvalidField(field, "must be set");
}

}  // namespace

absl::Status ValidateCircuitSource(const v1::CircuitSource& source) {
  switch (source.source_case()) {
    case v1::CircuitSource::kDatasetSha256:
      if (IsSha256Hex(source.dataset_sha256())) break;
      return InvalidField("dataset_sha256",
                          absl::StrCat("\"", source.dataset_sha256(), "\", must be 64 lower-case hexadecimal digits"));
    case v1::CircuitSource::kJob:
      if (const auto id = JobIdFromName(source.job()); !id.ok()) {
        return InvalidField("job", absl::StrCat("\"", source.job(), "\", must be jobs/ and 12 of a-z and 2-7"));
      }
      break;
    case v1::CircuitSource::kInline:
      if (source.inline_().nodes_size() == 0) return InvalidField("inline.nodes", "at least 1 is needed");
      break;
    case v1::CircuitSource::SOURCE_NOT_SET:
      return InvalidField("source", "one of dataset_sha256, job and inline must be set");
  }
  return ValidateLabel(source.label());
}

absl::StatusOr<NamedCircuit> ReadCircuit(const ServerParts& parts, const v1::CircuitSource& source,
                                         absl::string_view field, const ModelConfig& config) {
  NamedCircuit circuit;
  ASSIGN_OR_RETURN(circuit.document, Document(parts, source, field, config));
  circuit.label = source.label();
  if (circuit.label.empty()) circuit.label = LabelOfPrompts(circuit.document.task_json);
  if (circuit.label.empty()) circuit.label = source.job();
  return circuit;
}

}  // namespace circuitd
