#!/usr/bin/env python3
"""Path patching: from where does a receiver get what the answer needs? Prints the edges with the largest effect.

    path_patching.py --model seqcont-demo --receiver logits --receiver A3.2.q --receiver M2
"""

import argparse
import re

from circuitd_client import arguments, collect, node_name, run, task_prompts
from circuitd.v1 import circuit_pb2, patching_pb2, patching_pb2_grpc

INPUTS = {"q": circuit_pb2.HEAD_INPUT_Q, "k": circuit_pb2.HEAD_INPUT_K, "v": circuit_pb2.HEAD_INPUT_V}


def receiver(text):
    if text == "logits":
        return circuit_pb2.Node(kind=circuit_pb2.NODE_KIND_LOGITS)
    if match := re.fullmatch(r"M(\d+)", text):
        return circuit_pb2.Node(kind=circuit_pb2.NODE_KIND_MLP, layer=int(match[1]))
    if match := re.fullmatch(r"A(\d+)\.(\d+)\.([qkv])", text):
        return circuit_pb2.Node(kind=circuit_pb2.NODE_KIND_ATTENTION_HEAD, layer=int(match[1]), head=int(match[2]),
                                input=INPUTS[match[3]])
    raise argparse.ArgumentTypeError("a receiver is logits, M2, or A3.2.q (or .k, .v)")


def main(options, channel):
    request = patching_pb2.RunPathPatchingRequest(
        model=options.model,
        prompts=task_prompts(options),
        receivers=options.receiver or [receiver("logits")],
        freeze=patching_pb2.PATH_FREEZE_HEADS if options.recompute_mlps else patching_pb2.PATH_FREEZE_ALL,
    )
    summary, tensors = collect(patching_pb2_grpc.PatchingServiceStub(channel).RunPathPatching(request, timeout=300))
    clean = summary.clean_metric.mean
    corrupted = summary.corrupted_metric.mean
    print(f"logit difference: clean {clean:.4f}, corrupted {corrupted:.4f}; {len(summary.paths)} edges")
    changes = [(value / clean - 1, path) for value, path in zip(tensors["mean"], summary.paths)]
    for change, path in sorted(changes, key=lambda entry: abs(entry[0]), reverse=True)[: options.top]:
        print(f"  {node_name(path.sender):>8} -> {node_name(path.receiver):8} {100 * change:+7.1f} %")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--receiver", action="append", type=receiver)
    parser.add_argument("--recompute-mlps", action="store_true", help="freeze heads only, instead of the direct path")
    parser.add_argument("--top", type=int, default=10, help="edges to print")
    run(main, parser.parse_args())
