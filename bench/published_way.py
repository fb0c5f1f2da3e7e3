"""Times node pruning the published way, on TransformerLens, and holds its scores against a run of node_pruning.

    python3 bench/published_way.py --model FOLDER --prompts FILE.jsonl --run RUN.json --threads 1 --sample 8

RUN.json is what node_pruning printed for the same model and prompts: its decisions are followed, and the candidates
timed are spread evenly over those that it scored. Each candidate is scored as the code published with Lan, Torr and
Barez (arXiv 2311.04131) does it, by three whole forward passes:

  1. on the corrupted prompts, for the mean z of every head;
  2. on the corrupted prompts with the candidate's heads ablated, for the mean output of every MLP;
  3. on the clean prompts with heads and MLPs ablated, for the logits at all positions.

Prints one JSON object. Needs torch, transformers and transformer_lens.
"""

import argparse
import collections
import json
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"))

import torch

from golden_model import load_transformer_lens

class Prompts:
    """Prompts of one length; tokens are [prompt, position], answers lists of tokens."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.clean = torch.tensor([line["clean_ids"] for line in lines])
        self.corrupted = torch.tensor([line["corrupted_ids"] for line in lines])
        self.answers = [(line["correct_ids"], line["incorrect_ids"]) for line in lines]

    def logit_diff(self, logits):
        """Mean over the prompts, of logits [prompt, position, d_vocab] at the last position."""
        last = logits[:, -1]
        return sum(
            (row[correct].mean() - row[incorrect].mean()).item() for row, (correct, incorrect) in zip(last, self.answers)
        ) / len(self.answers)


Circuit = collections.namedtuple("Circuit", "heads mlps")  # sets of (layer, head) and of layers


class PublishedWay:
    def __init__(self, model, prompts):
        self.model, self.prompts = model, prompts
        self.full_logit_diff = prompts.logit_diff(model(prompts.clean))

    def score(self, circuit):
        self.model.reset_hooks(including_permanent=True)
        keep_z = torch.zeros(self.model.cfg.n_layers, self.model.cfg.n_heads, 1, dtype=torch.bool)
        for layer, head in circuit.heads:
            keep_z[layer, head] = True
        self.ablate("z", keep_z, self.means("z"))

        keep_mlp = torch.zeros(self.model.cfg.n_layers, 1, dtype=torch.bool)
        keep_mlp[list(circuit.mlps)] = True
        self.ablate("mlp_out", keep_mlp, self.means("mlp_out"))

        return 100 * self.prompts.logit_diff(self.model(self.prompts.clean)) / self.full_logit_diff

    def means(self, name):
        """By layer and prompt, as published: one mean over the corrupted prompts for each position, repeated."""
        _, cache = self.model.run_with_cache(
            self.prompts.corrupted, return_type=None, names_filter=lambda hook: hook.endswith(name)
        )
        return torch.stack([value.mean(0).expand_as(value) for value in cache.values()])

    def ablate(self, name, keep, means):
        def hook_fn(value, hook):
            return torch.where(keep[hook.layer()], value, means[hook.layer()])

        self.model.add_hook(lambda hook: hook.endswith(name), hook_fn, is_permanent=True)


def parse_node(name):
    """"A7.11" to (7, 11), "M9" to 9."""
    return tuple(map(int, name[1:].split("."))) if name[0] == "A" else int(name[1:])


def candidate_circuits(run):
    """The circuit of each candidate on the run's path: all that is left, without the candidate's node."""
    heads = {(layer, head) for layer in range(run["shape"]["n_layers"]) for head in range(run["shape"]["n_heads"])}
    mlps = set(range(run["shape"]["n_layers"]))
    for decision in run["path"]:
        node = parse_node(decision["node"])
        without = Circuit(heads - {node}, mlps - {node})
        yield without
        if decision["removed"]:
            heads, mlps = without


def spread(items, count):
    """At most `count` of the items, evenly spaced, neither the first nor the last preferred."""
    count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="the model's folder")
    parser.add_argument("--prompts", required=True, help="pairs of token ids, one a line")
    parser.add_argument("--run", required=True, help="node_pruning's JSON for them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sample", type=int, default=8, help="candidates of the run, spread evenly")
    parser.add_argument("--part", default="1/1", help="score only each K-th of them, from the I-th on: I/K")
    arguments = parser.parse_args()

    with open(arguments.run, encoding="utf-8") as file:
        run = json.load(file)
    if run["means"] != "seqcont":
        parser.error("the published way takes MLPs' means as --means seqcont does")
    part, parts = map(int, arguments.part.split("/"))
    chosen = spread(run["candidates"], arguments.sample)[part - 1 :: parts]

    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    published = PublishedWay(load_transformer_lens(arguments.model), Prompts(arguments.prompts))
    circuits = list(candidate_circuits(run))
    candidates = []
    for ours in chosen:
        cpu, wall = time.process_time(), time.perf_counter()
        score = published.score(circuits[ours["index"]])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        candidates.append({
            "index": ours["index"],
            "node": run["path"][ours["index"]]["node"],
            "score": score,
            "difference": ours["score"] - score,
            "same_decision": (100 - score < run["threshold"]) == (100 - ours["score"] < run["threshold"]),
            "cpu": cpu,
            "wall": wall,
        })
    print(json.dumps({
        "threads": arguments.threads,
        "full_logit_diff": published.full_logit_diff,
        "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "candidates": candidates,
    }, indent=1))


if __name__ == "__main__":
    main()
