"""Writes complete node pruning runs on Hugging Face transformers' GPT-2, for the shipped model.

    python3 tests/golden/make_node_pruning.py models/seqcont-demo tests/golden

Needs torch, transformers and safetensors. Reads FOLDER/prompts_TASK.jsonl, made by

    dump_prompts --model models/seqcont-demo --task TASK --num-samples 8 > tests/golden/prompts_TASK.jsonl

and writes FOLDER/node_pruning_*.json. Plain on purpose: each score is whole forward passes with hooks on the modules,
nothing is kept between candidates.
"""

import argparse
import collections
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

Run = collections.namedtuple("Run", "task means threshold max_iterations")
RUNS = [
    Run("numerals", "seqcont", 20, None),
    Run("numerals", "clean", 20, None),
    Run("numwords", "seqcont", 20, None),
    Run("months", "seqcont", 20, None),
    Run("numerals", "seqcont", 75, 1),
    Run("numerals", "clean", 75, 1),
]
# A score so near to the threshold could be decided otherwise by another order of summation.
LEAST_MARGIN = 5e-3


class Prompts:
    """Prompts of equal length; tokens are [prompt, position], answers one token each."""

    def __init__(self, path):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.clean = torch.tensor([line["clean_ids"] for line in lines])
        self.corrupted = torch.tensor([line["corrupted_ids"] for line in lines])
        self.correct = torch.tensor([line["correct_ids"][0] for line in lines])
        self.incorrect = torch.tensor([line["incorrect_ids"][0] for line in lines])


class Pruning:
    """Heads are ("A", layer, head), MLPs ("M", layer)."""

    def __init__(self, model, prompts, means):
        self.model, self.prompts, self.means = model, prompts, means
        self.n_layers, self.n_heads = model.config.n_layer, model.config.n_head
        self.d_head = model.config.n_embd // self.n_heads
        self.all_nodes = frozenset(
            [("A", layer, head) for layer in range(self.n_layers) for head in range(self.n_heads)]
            + [("M", layer) for layer in range(self.n_layers)])
        self.z_means, self.mlp_means = self.corrupted_means(self.all_nodes)
        self.full_logit_diff = self.logit_diff(self.all_nodes, self.mlp_means)

    def run(self, tokens, circuit, mlp_means, seen=None):
        """Last logits with the nodes outside of `circuit` at their means; MLPs stay where mlp_means is None.
        seen(name, layer, value) is shown what flows through."""

        def heads_hook(layer):
            def hook(_, inputs):
                z = inputs[0].unflatten(-1, (self.n_heads, self.d_head)).clone()  # [prompt, position, head, d_head]
                for head in range(self.n_heads):
                    if ("A", layer, head) not in circuit:
                        z[:, :, head] = self.z_means[layer][:, head]
                if seen is not None:
                    seen("z", layer, z)
                return (z.flatten(-2),)

            return hook

        def mlp_hook(layer):
            def hook(_, inputs, output):
                if mlp_means is not None and ("M", layer) not in circuit:
                    output = mlp_means[layer].expand_as(output)
                if seen is not None:
                    seen("mlp", layer, output)
                return output

            return hook

        handles = []
        for layer, block in enumerate(self.model.transformer.h):
            handles.append(block.attn.c_proj.register_forward_pre_hook(heads_hook(layer)))
            handles.append(block.mlp.register_forward_hook(mlp_hook(layer)))
        logits = self.model(tokens, use_cache=False).logits[:, -1]
        for handle in handles:
            handle.remove()
        return logits

    def corrupted_means(self, circuit):
        """Mean z and mlp_out by layer and position, over the corrupted prompts, heads ablated and MLPs not."""
        means = {"z": {}, "mlp": {}}
        self.run(self.prompts.corrupted, circuit, None,
                 lambda name, layer, value: means[name].__setitem__(layer, value.mean(0)))
        return means["z"], means["mlp"]

    def logit_diff(self, circuit, mlp_means):
        logits = self.run(self.prompts.clean, circuit, mlp_means)
        rows = torch.arange(len(logits))
        return (logits[rows, self.prompts.correct] - logits[rows, self.prompts.incorrect]).mean().item()

    def score(self, circuit):
        mlp_means = self.corrupted_means(circuit)[1] if self.means == "seqcont" else self.mlp_means
        return 100 * self.logit_diff(circuit, mlp_means) / self.full_logit_diff

    def sweep_order(self, backward):
        for layer in reversed(range(self.n_layers)) if backward else range(self.n_layers):
            heads = [("A", layer, head) for head in range(self.n_heads)]
            yield from [("M", layer)] + heads if backward else heads + [("M", layer)]

    def prune(self, threshold, max_iterations):
        circuit, decisions, sweep = self.all_nodes, [], 0
        while True:
            before = circuit
            for node in self.sweep_order(backward=sweep % 2 == 0):
                if node not in circuit:
                    continue
                score = self.score(circuit - {node})
                removed = 100 - score < threshold
                decisions.append((node, score, removed))
                if removed:
                    circuit = circuit - {node}
            sweep += 1
            if circuit == before:
                return circuit, decisions, True
            if max_iterations is not None and sweep == 2 * max_iterations:
                return circuit, decisions, False


def node_name(node):
    return node[0] + ".".join(str(number) for number in node[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    model = GPT2LMHeadModel.from_pretrained(arguments.model, attn_implementation="eager", dtype=torch.float32).eval()
    for run in RUNS:
        pruning = Pruning(model, Prompts(arguments.folder / f"prompts_{run.task}.jsonl"), run.means)
        circuit, decisions, converged = pruning.prune(run.threshold, run.max_iterations)
        margin = min(abs(100 - score - run.threshold) for _, score, _ in decisions)
        nodes = sorted(circuit)
        heads = sum(node[0] == "A" for node in nodes)
        path = arguments.folder / f"node_pruning_{run.task}_{run.means}_t{run.threshold}.json"
        print(f"{path}: {heads} heads, {len(nodes) - heads} MLPs, {len(decisions)} decisions, least margin {margin:.4f}")
        if margin < LEAST_MARGIN:
            raise SystemExit(f"{path}: a score is {margin:.5f} points from the threshold: take another seed")
        golden = {
            **run._asdict(),
            "full_logit_diff": pruning.full_logit_diff,
            "circuit": [node_name(node) for node in nodes],
            "score": pruning.score(circuit),
            "converged": converged,
            "decisions": [[node_name(node), round(score, 5), removed] for node, score, removed in decisions],
        }
        path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
