// Senders and receivers in forward order, and which of them an edge can join.
//
// Senders: embed; in each layer the heads, then the MLP. Receivers: in each layer the heads' q, then their k, their v,
// then the MLP; at last the logits. A receiver reads all senders below it: a head is below the MLP of its layer.
#pragma once

#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

int SenderCount(const ModelConfig& config);
// A sender's number in forward order, from 0.
int SenderRank(const ModelConfig& config, const Node& sender);
Node SenderOfRank(const ModelConfig& config, int rank);

int ReceiverCount(const ModelConfig& config);
// A receiver's number in forward order, from 0.
int ReceiverRank(const ModelConfig& config, const Node& receiver);
Node ReceiverOfRank(const ModelConfig& config, int rank);

// The node that a receiver is an input of: the head of a q, k or v, and the receiver itself otherwise.
Node NodeOfReceiver(Node receiver);

// Senders that a receiver reads: those of lower rank than this.
int SendersBelow(const ModelConfig& config, const Node& receiver);

// All edges of a model. GPT-2 small has 32,491.
int64_t EdgeCount(const ModelConfig& config);

}  // namespace circuitd
