#!/usr/bin/env python3
"""The logit lens: what the model would answer if it stopped at each layer, and where the answer takes over.

    logit_lens.py --model seqcont-demo --task months --num-samples 1
"""

from circuitd_client import arguments, collect, run, task_prompts, token_text
from circuitd.v1 import reading_pb2, reading_pb2_grpc


def main(options, channel):
    request = reading_pb2.RunLogitLensRequest(model=options.model, prompts=task_prompts(options), top_k=3)
    summary, tensors = collect(reading_pb2_grpc.ReadingServiceStub(channel).RunLogitLens(request, timeout=60))
    for number, prompt in enumerate(summary.prompts):
        last = prompt.positions[-1]
        print(f"prompt {number}, after {token_text(last.token)!r} at {last.position}")
        for stage, (hook, layer) in enumerate(zip(summary.hooks, last.layers)):
            tops = "  ".join(f"{token_text(entry.token)!r} {entry.logit:.2f}" for entry in layer.top)
            print(f"  {hook:26} {tensors['logit_diff'][number, stage]:+8.3f}  {tops}")
        handover = summary.hooks[prompt.handover] if prompt.HasField("handover") else "nowhere"
        print(f"  the answer takes over at {handover}")


if __name__ == "__main__":
    run(main, arguments(__doc__).parse_args())
