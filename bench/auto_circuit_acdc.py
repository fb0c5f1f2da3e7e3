#!/usr/bin/env python3
"""ACDC and edge attribution patching by auto-circuit, to be timed beside circuitd's.

    circuit task generate numerals -m seqcont-demo --variants done -n 16 -o pairs.jsonl
    auto_circuit_acdc.py --model models/seqcont-demo --pairs pairs.jsonl --threshold 0.01

Prints CPU seconds of each as JSON, beside how many edges ACDC keeps. Needs auto-circuit 1.0.1 and transformer-lens 2.18
(pip install); all pairs have to be of one length, with one answer on each side.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
from auto_circuit.data import PromptDataLoader, PromptDataset
from auto_circuit.prune_algos.ACDC import acdc_prune_scores
from auto_circuit.prune_algos.mask_gradient import mask_gradient_prune_scores
from auto_circuit.utils.graph_utils import patchable_model

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "golden"))
from golden_model import load_transformer_lens  # noqa: E402


def load_pairs(path):
    pairs = [json.loads(line) for line in path.read_text().splitlines() if line]
    columns = [[torch.tensor(pair[key]) for pair in pairs] for key in ("clean", "corrupted", "correct", "incorrect")]
    dataset = PromptDataset(*columns)
    return PromptDataLoader(dataset, seq_len=len(pairs[0]["clean"]), diverge_idx=0, batch_size=len(pairs), shuffle=False)


def load_model(folder):
    model = load_transformer_lens(folder)
    model.set_use_attn_result(True)
    model.set_use_split_qkv_input(True)
    model.set_use_hook_mlp_in(True)
    for parameter in model.parameters():
        parameter.requires_grad = False
    return patchable_model(model, factorized=True, slice_output="last_seq", separate_qkv=True,
                           device=torch.device("cpu"))


def timed(run):
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def main(options):
    torch.set_num_threads(options.threads)
    model, loader = load_model(options.model), load_pairs(options.pairs)
    acdc_s, scores = timed(lambda: acdc_prune_scores(model, loader, None, tao_exps=[0], tao_bases=[options.threshold]))
    eap_s, _ = timed(lambda: mask_gradient_prune_scores(model, loader, None, "logit", "avg_diff", mask_val=0.0))
    # Edges that stay have the score that all begin with: infinity.
    kept = sum(int(torch.isinf(score).sum()) for score in scores.values())
    print(json.dumps({"acdc_cpu_s": acdc_s, "eap_cpu_s": eap_s, "edges": len(model.edges), "acdc_edges_kept": kept}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", type=pathlib.Path, required=True)
    parser.add_argument("--threshold", type=float, default=0.01)
    parser.add_argument("--threads", type=int, default=1)
    main(parser.parse_args())
