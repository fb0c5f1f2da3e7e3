"""Writes attribution scores of edges made with plain TransformerLens hooks.

    python3 tests/golden/make_edge_scores.py models/seqcont-demo tests/golden/edge_scores_seqcont-demo.json

Needs torch, transformers and transformer-lens 2.18. One prompt at a time; gradients are torch's at hook_q_input,
hook_k_input, hook_v_input, hook_mlp_in and the last hook_resid_post, senders' outputs are hook_embed +
hook_pos_embed, attn.hook_result and hook_mlp_out. Of each case there are the sum of the scores into every receiver and
the edges of the largest scores.
"""

import argparse
import pathlib

import torch

from golden_model import encode_pairs, load_transformer_lens, numbers, write_golden

LARGEST = 50
EXACT_EDGES = [("embed", "A0.1.v"), ("embed", "M0"), ("A0.1", "M0"), ("M0", "A3.7.q"), ("M0", "A3.7.k"),
               ("A1.2", "A3.7.v"), ("M2", "A3.7.v"), ("A3.7", "M3"), ("A3.7", "logits"), ("M3", "logits")]


def loss_of(metric, logits, clean_logits, pair):
    """Of one prompt: last logits [d_vocab]."""
    log_probs = logits.double().log_softmax(-1)
    correct, incorrect = pair["correct"], pair["incorrect"]
    if metric == "logit_diff":
        return logits[incorrect].mean() - logits[correct].mean()
    if metric == "prob_diff":
        return log_probs[incorrect].exp().sum() - log_probs[correct].exp().sum()
    if metric == "kl_div":
        expected = clean_logits.double().log_softmax(-1)
        return (expected.exp() * (expected - log_probs)).sum()
    return -log_probs[correct].exp().sum().log()


class Graph:
    """Names of senders and receivers, and where TransformerLens shows them."""

    def __init__(self, config):
        self.layers, self.heads = config.n_layers, config.n_heads
        self.senders, self.below = ["embed"], {}
        for layer in range(self.layers):
            for letter in "qkv":
                for head in range(self.heads):
                    self.below[f"A{layer}.{head}.{letter}"] = len(self.senders)
            self.senders += [f"A{layer}.{head}" for head in range(self.heads)]
            self.below[f"M{layer}"] = len(self.senders)
            self.senders.append(f"M{layer}")
        self.below["logits"] = len(self.senders)

    def hook(self, receiver):
        """The hook point of a receiver's input, and the head of a split one."""
        if receiver == "logits":
            return f"blocks.{self.layers - 1}.hook_resid_post", None
        if receiver.startswith("M"):
            return f"blocks.{receiver[1:]}.hook_mlp_in", None
        layer, head, letter = receiver[1:].split(".")
        return f"blocks.{layer}.hook_{letter}_input", int(head)

    def groups(self):
        """Senders that the activations form moves together."""
        yield ["embed"]
        for layer in range(self.layers):
            yield [f"A{layer}.{head}" for head in range(self.heads)]
            yield [f"M{layer}"]


def replace(output):
    return lambda value, hook: output


class Subject:
    """One pair, its senders' outputs and its scores."""

    def __init__(self, model, graph, pair):
        self.model, self.graph, self.pair = model, graph, pair
        self.tokens = torch.tensor([pair["clean"]])
        with torch.no_grad():
            self.clean, self.clean_logits = self.outputs(pair["clean"])
            self.corrupted, _ = self.outputs(pair["corrupted"])

    def outputs(self, prompt):
        """Of each sender [pos, d_model], and the last logits."""
        logits, cache = self.model.run_with_cache(torch.tensor([prompt]))
        outputs = {"embed": (cache["hook_embed"] + cache["hook_pos_embed"])[0]}
        for layer in range(self.graph.layers):
            result = cache[f"blocks.{layer}.attn.hook_result"][0]
            for head in range(self.graph.heads):
                outputs[f"A{layer}.{head}"] = result[:, head]
            outputs[f"M{layer}"] = cache[f"blocks.{layer}.hook_mlp_out"][0]
        return outputs, logits[0, -1]

    def interpolated(self, senders, fraction):
        """Hooks under which these senders write corrupted + fraction * (clean - corrupted)."""
        values = {s: self.corrupted[s] + fraction * (self.clean[s] - self.corrupted[s]) for s in senders}
        if senders == ["embed"]:
            return [("hook_embed", replace(values["embed"].unsqueeze(0))),
                    ("hook_pos_embed", lambda value, hook: torch.zeros_like(value))]
        if senders[0].startswith("M"):
            return [(f"blocks.{senders[0][1:]}.hook_mlp_out", replace(values[senders[0]].unsqueeze(0)))]
        layer = senders[0][1:].split(".")[0]
        stacked = torch.stack([values[sender] for sender in senders], dim=1)
        return [(f"blocks.{layer}.attn.hook_result", replace(stacked.unsqueeze(0)))]

    def gradients(self, metric, hooks):
        """d loss / d each receiver's input [pos, d_model], None where nothing arrives, in a run with these hooks."""
        leaves = {}

        def add_leaf(value, hook):
            leaves[hook.name] = torch.zeros_like(value, requires_grad=True)
            return value + leaves[hook.name]

        names = {self.graph.hook(receiver)[0] for receiver in self.graph.below}
        logits = self.model.run_with_hooks(self.tokens, fwd_hooks=hooks + [(name, add_leaf) for name in names])
        loss = loss_of(metric, logits[0, -1], self.clean_logits, self.pair)
        arrived = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)))
        result = {}
        for receiver in self.graph.below:
            name, head = self.graph.hook(receiver)
            gradient = arrived[name]
            if gradient is not None:
                gradient = gradient[0] if head is None else gradient[0, :, head]
            result[receiver] = gradient
        return result

    def runs(self, method, steps):
        """The hooks of each run that gradients are averaged over."""
        if method == "eap":
            return [[]]
        if method == "eap_ig_inputs":
            return [self.interpolated(["embed"], k / steps) for k in range(steps)]
        return [self.interpolated(group, k / steps) for group in self.graph.groups() for k in range(1, steps + 1)]

    def scores(self, method, metric, steps):
        """[receivers, senders], 0 where there is no edge."""
        differences = torch.stack([self.corrupted[s] - self.clean[s] for s in self.graph.senders]).double()
        scores = torch.zeros(len(self.graph.below), len(self.graph.senders), dtype=torch.float64)
        runs = self.runs(method, steps)
        for hooks in runs:
            gradients = self.gradients(metric, hooks)
            for row, (receiver, below) in enumerate(self.graph.below.items()):
                if gradients[receiver] is not None:
                    products = differences[:below] * gradients[receiver].double()
                    scores[row, :below] += products.sum((1, 2)) / len(runs)
        return scores

    @torch.no_grad()
    def exact(self, metric, sender, receiver):
        """What the loss grows by when the receiver alone reads the sender's corrupted output."""
        name, head = self.graph.hook(receiver)

        def change(value, hook):
            value = value.clone()
            own = value[0] if head is None else value[0, :, head]
            own += self.corrupted[sender] - self.clean[sender]
            return value

        # A sender of the run is what it is in the clean one: only what is above the receiver changes.
        logits = self.model.run_with_hooks(self.tokens, fwd_hooks=[(name, change)])
        without = loss_of(metric, logits[0, -1], self.clean_logits, self.pair)
        return (without - loss_of(metric, self.clean_logits, self.clean_logits, self.pair)).item()


def cases(graph, subjects):
    for method, metric, steps in (("eap", "logit_diff", 1), ("eap", "prob_diff", 1), ("eap", "nll", 1),
                                  ("eap_ig_inputs", "logit_diff", 5), ("eap_ig_inputs", "kl_div", 5),
                                  ("eap_ig_activations", "logit_diff", 3)):
        scores = torch.stack([subject.scores(method, metric, steps) for subject in subjects]).mean(0)
        receivers = list(graph.below)
        order = scores.abs().flatten().argsort(descending=True)[:LARGEST].tolist()
        places = [divmod(place, len(graph.senders)) for place in order]
        yield {
            "method": method, "metric": metric, "steps": steps,
            "receiver_sums": dict(zip(receivers, numbers(scores.sum(1)))),
            "largest": [[graph.senders[sender], receivers[row], *numbers([scores[row, sender].item()])]
                        for row, sender in places],
        }


def exact_effects(subjects):
    for metric in ("logit_diff", "kl_div"):
        for sender, receiver in EXACT_EDGES:
            mean = sum(subject.exact(metric, sender, receiver) for subject in subjects) / len(subjects)
            yield {"metric": metric, "edge": [sender, receiver], "score": numbers([mean])[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    model = load_transformer_lens(arguments.model)
    model.requires_grad_(False)
    model.set_use_split_qkv_input(True)
    model.set_use_attn_result(True)
    model.set_use_hook_mlp_in(True)
    pairs = encode_pairs(arguments.model)
    graph = Graph(model.cfg)
    subjects = [Subject(model, graph, pair) for pair in pairs]
    write_golden(arguments.out, {"pairs": pairs, "attributions": list(cases(graph, subjects)),
                                 "exact": list(exact_effects(subjects))})


if __name__ == "__main__":
    main()
