"""How much faster activation patching sweeps are than TransformerLens's `patching` functions.

    python3 bench/transformer_lens_sweep.py build/bench/bench/patching_sweep_bench FOLDER PROMPTS.jsonl \\
        --threads 1 --layers 2,9 --rounds 2 --hooks hook_resid_pre,attn.hook_z

Same model, prompts (token ids of one length, as make_inputs writes them), threads and layers; the two take turns, so that what
else the machine does hits both, and have to agree on every value. TransformerLens's run that fills the cache is not
timed, the server's are. Prints a JSON document, a line a hook; the ratio is of CPU time on one thread, which a busy
machine does not disturb, and of wall time on more. Needs torch, transformers and transformer-lens 2.18.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["TQDM_DISABLE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"))

import pandas
import torch

from golden_model import load_transformer_lens
from make_patching import SWEEPS

BY_POSITION = ("hook_resid_pre", "hook_attn_out", "hook_mlp_out")


def seconds():
    return {"cpu_seconds": time.process_time(), "wall_seconds": time.perf_counter()}


class TransformerLens:
    def __init__(self, folder, prompts):
        self.model = load_transformer_lens(folder)
        column = lambda key: torch.tensor([prompt[key] for prompt in prompts])
        self.into, source = column("corrupted_ids"), column("clean_ids")
        self.correct = [prompt["correct_ids"] for prompt in prompts]
        self.incorrect = [prompt["incorrect_ids"] for prompt in prompts]
        _, self.cache = self.model.run_with_cache(source)

    def metric(self, logits):
        last = logits[:, -1]
        differences = [row[correct].mean() - row[incorrect].mean()
                       for row, correct, incorrect in zip(last, self.correct, self.incorrect)]
        return torch.stack(differences).mean()

    def sweep(self, hook, layers):
        by_position = hook in BY_POSITION
        columns = self.into.shape[1] if by_position else self.model.cfg.n_heads
        index = pandas.DataFrame([(layer, column) for layer in layers for column in range(columns)],
                                 columns=["layer", "pos" if by_position else "head"])
        begin = seconds()
        values = SWEEPS[hook](self.model, self.into, self.cache, self.metric, index_axis_names=None, index_df=index)
        end = seconds()
        return {"mean": values.tolist(), **{key: end[key] - begin[key] for key in end}}


class Server:
    """The bench binary, which keeps the model between sweeps."""

    def __init__(self, binary, folder, prompts_file, threads):
        self.process = subprocess.Popen([binary, folder, prompts_file, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def sweep(self, hook, layers):
        self.process.stdin.write(json.dumps({"hook": hook, "layers": layers}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(hook, layers, rounds, server, lens, clock):
    server.sweep(hook, layers[-1:])  # what is done once
    ours, theirs = 0.0, 0.0
    for _ in range(rounds):
        own, other = server.sweep(hook, layers), lens.sweep(hook, layers)
        ours, theirs = ours + own[clock] / rounds, theirs + other[clock] / rounds
    difference = max(abs(a - b) for a, b in zip(own["mean"], other["mean"], strict=True))
    scale = max(abs(value) for value in other["mean"])
    if difference > 1e-4 * (1 + scale):
        raise SystemExit(f"{hook}: values differ by {difference}")
    return {"hook": hook, "runs": len(own["mean"]), "transformer_lens_seconds": round(theirs, 3),
            "server_seconds": round(ours, 3), "ratio": round(theirs / ours, 2), "difference": difference}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("model")
    parser.add_argument("prompts", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--layers", default="", help="such as 2,9; all if empty")
    parser.add_argument("--hooks", default=",".join(SWEEPS))
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    lens = TransformerLens(arguments.model, [json.loads(line) for line in arguments.prompts.open()])
    layers = [int(layer) for layer in arguments.layers.split(",") if layer] or list(range(lens.model.cfg.n_layers))
    server = Server(arguments.binary, arguments.model, str(arguments.prompts), arguments.threads)
    clock = "cpu_seconds" if arguments.threads == 1 else "wall_seconds"
    print(json.dumps({"threads": arguments.threads, "pairs": len(lens.correct), "tokens": lens.into.shape[1],
                      "layers": layers, "rounds": arguments.rounds, "clock": clock})[:-1] + ', "hooks": [')
    hooks = arguments.hooks.split(",")
    for hook in hooks:
        result = compare(hook, layers, arguments.rounds, server, lens, clock)
        print(json.dumps(result) + ("]}" if hook == hooks[-1] else ","), flush=True)
    server.close()


if __name__ == "__main__":
    main()
