#!/usr/bin/env python3
"""A forward pass: prints the most likely next tokens of each prompt, and saves activations for numpy.

    forward.py --model seqcont-demo "Van done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in" \
      --capture "blocks.*.attn.hook_pattern" --capture hook_embed --output activations.npz
"""

import numpy
from circuitd_client import arguments, collect, run, text_prompts, token_text
from circuitd.v1 import inference_pb2, inference_pb2_grpc


def main(options, channel):
    if options.capture and not options.output:
        raise SystemExit("--capture needs --output")
    request = inference_pb2.ForwardRequest(
        model=options.model,
        prompts=text_prompts(options.prompts),
        logits=inference_pb2.LogitsSelection(top_k=options.top_k),
        capture=inference_pb2.ActivationCapture(hooks=options.capture),
    )
    summary, tensors = collect(inference_pb2_grpc.InferenceServiceStub(channel).Forward(request, timeout=60))
    for text, prompt in zip(options.prompts, summary.prompts):
        print(f"{text!r} ({prompt.token_count} tokens)")
        for entry in prompt.top:
            print(f"  {token_text(entry.token)!r:16} logit {entry.logit:8.3f}  log prob {entry.log_prob:8.3f}")
    if options.output:
        numpy.savez(options.output, **tensors)
        for name, tensor in tensors.items():
            print(f"{name}: {list(tensor.shape)} {tensor.dtype}")
        print(f"{len(tensors)} tensors -> {options.output}")


if __name__ == "__main__":
    parser = arguments(__doc__, prompts_of_task=False)
    parser.add_argument("--top-k", type=int, default=5)
    parser.add_argument("--capture", action="append", metavar="HOOK", help="a hook point or glob, as often as needed")
    parser.add_argument("--output", metavar="FILE.npz")
    parser.add_argument("prompts", nargs="+")
    run(main, parser.parse_args())
