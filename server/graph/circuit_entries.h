// Nodes and edges of circuit files of any layout, as they come out of the text; what model they are of is not known
// yet.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/graph/circuit_file.h"
#include "server/graph/edge.h"
#include "server/graph/node.h"

namespace circuitd {

class CircuitEntries {
 public:
  struct NodeEntry {
    Node node;
    bool in_circuit = true;
  };
  struct EdgeEntry {
    Edge edge;
    std::optional<double> score;
    bool in_circuit = true;
  };

  // Takes an entry of any list that circuits have. Which layout a list has shows in its form: circuit.json's nodes and
  // edges are arrays, EAP-IG's objects.
  void Add(const FileEntry& entry);

  // INVALID_ARGUMENT with place and value of the list's first entry that is not as the layout has it.
  absl::Status StatusOf(const std::string& list) const;
  const std::vector<NodeEntry>& nodes() const { return nodes_; }
  // Of seqcont's "heads" and "mlps".
  const std::vector<Node>& heads_and_mlps() const { return heads_and_mlps_; }
  const std::vector<EdgeEntry>& edges() const { return edges_; }
  const std::vector<EdgeEntry>& other_edges() const { return other_edges_; }
  // Nodes of which a file keeps some neurons only, with the place that says so.
  const std::vector<std::pair<Node, std::string>>& parts() const { return parts_; }

 private:
  absl::Status Take(const FileEntry& entry);
  absl::Status TakeNode(const FileEntry& entry);
  absl::Status TakeEdge(const FileEntry& entry, std::vector<EdgeEntry>* edges);
  absl::Status TakeEapNode(const FileEntry& entry);
  absl::Status TakeEapEdge(const FileEntry& entry);
  absl::Status TakeNeurons(const Node& node, const std::string& place, const FileJson& neurons);
  absl::Status TakeSeqcontHead(const FileEntry& entry);
  absl::Status TakeSeqcontMlp(const FileEntry& entry);

  std::map<std::string, absl::Status, std::less<>> errors_;  // by list
  std::vector<NodeEntry> nodes_;
  std::vector<Node> heads_and_mlps_;
  std::vector<EdgeEntry> edges_;
  std::vector<EdgeEntry> other_edges_;
  std::vector<std::pair<Node, std::string>> parts_;
};

// The value as JSON text for a message, shortened.
std::string ShowFileJson(const FileJson& value);

}  // namespace circuitd
