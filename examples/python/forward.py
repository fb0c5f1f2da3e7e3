#!/usr/bin/env python3
"""A forward pass on a circuitd server: prints the most likely next tokens of each prompt.

    forward.py --model seqcont-demo "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in"
"""

import argparse
import os
import sys

import grpc

from circuitd.v1 import inference_pb2, inference_pb2_grpc


def summary_of(responses):
    """The first message of a Forward stream; tensors would follow it if the request had asked for them."""
    return next(iter(responses)).summary


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.environ.get("CIRCUITD_SERVER", "127.0.0.1:50051"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--top-k", type=int, default=5)
    parser.add_argument("prompts", nargs="+")
    arguments = parser.parse_args()

    request = inference_pb2.ForwardRequest(
        model=arguments.model,
        prompts=[inference_pb2.Prompt(text=prompt.encode()) for prompt in arguments.prompts],
        logits=inference_pb2.LogitsSelection(top_k=arguments.top_k),
    )
    with grpc.insecure_channel(arguments.server) as channel:
        try:
            summary = summary_of(inference_pb2_grpc.InferenceServiceStub(channel).Forward(request, timeout=60))
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    for text, prompt in zip(arguments.prompts, summary.prompts):
        print(f"{text!r} ({prompt.token_count} tokens)")
        for entry in prompt.top:
            token = entry.token.text.decode(errors="replace") or f"id {entry.token.id}"
            print(f"  {token!r:16} logit {entry.logit:8.3f}  log prob {entry.log_prob:8.3f}")


if __name__ == "__main__":
    main()
