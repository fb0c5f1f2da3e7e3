#!/usr/bin/env python3
"""Attention: which heads look at the token before, at equal tokens, or behind them; and one head's mean pattern.

    attention.py --model seqcont-demo --task numerals --show 1.5
"""

import numpy
from circuitd_client import arguments, collect, run, task_prompts, token_text
from circuitd.v1 import reading_pb2, reading_pb2_grpc


def main(options, channel):
    request = reading_pb2.ReadAttentionRequest(model=options.model, prompts=task_prompts(options), mean_pattern=True)
    summary, tensors = collect(reading_pb2_grpc.ReadingServiceStub(channel).ReadAttention(request, timeout=60))
    for kind in ("previous_token", "duplicate_token", "induction"):
        scores = tensors[kind]  # [layers, heads]
        order = numpy.argsort(numpy.where(numpy.isnan(scores), -1, scores), axis=None)[::-1][:3]
        places = [numpy.unravel_index(index, scores.shape) for index in order]
        best = ", ".join(f"A{summary.layers[l]}.{summary.heads[h]} {scores[l, h]:.3f}" for l, h in places)
        print(f"{kind:16} {best}")

    layer, head = map(int, options.show.split("."))
    pattern = tensors["pattern/mean"][layer, head]  # [query, key]
    print(f"\nA{layer}.{head}: each token's favourite, on average")
    for query, token in enumerate(summary.tokens):
        key = int(pattern[query].argmax())
        favourite = token_text(summary.tokens[key])
        print(f"  {query:2} {token_text(token)!r:12} -> {key:2} {favourite!r:12} {pattern[query, key]:.3f}")
    print(f"rows add up to 1: {bool(numpy.allclose(pattern.sum(-1), 1, atol=1e-4))}")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--show", default="0.0", metavar="LAYER.HEAD")
    run(main, parser.parse_args())
