#!/usr/bin/env python3
"""Direct logit attribution: what each head, MLP, embedding and bias adds to the logit difference.

    logit_attribution.py --model seqcont-demo --task numerals
"""

from circuitd_client import arguments, collect, run, task_prompts
from circuitd.v1 import reading_pb2, reading_pb2_grpc


def component_name(component):
    return {
        reading_pb2.COMPONENT_KIND_EMBED: "embed",
        reading_pb2.COMPONENT_KIND_POS_EMBED: "pos_embed",
        reading_pb2.COMPONENT_KIND_HEAD: f"A{component.layer}.{component.head}",
        reading_pb2.COMPONENT_KIND_ATTENTION_BIAS: f"b_O of layer {component.layer}",
        reading_pb2.COMPONENT_KIND_MLP: f"M{component.layer}",
        reading_pb2.COMPONENT_KIND_LN_FINAL_BIAS: "ln_final's bias",
    }[component.kind]


def main(options, channel):
    request = reading_pb2.AttributeLogitsRequest(model=options.model, prompts=task_prompts(options))
    summary, tensors = collect(reading_pb2_grpc.ReadingServiceStub(channel).AttributeLogits(request, timeout=60))
    values = dict(zip(map(component_name, summary.components), tensors["mean"].tolist()))
    for name, value in sorted(values.items(), key=lambda entry: abs(entry[1]), reverse=True)[: options.top]:
        print(f"  {name:16} {value:+8.3f}")
    print(f"sum of all {len(values)}: {sum(values.values()):.4f}; logit difference: {summary.logit_diff.mean:.4f}")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--top", type=int, default=10, help="components to print")
    run(main, parser.parse_args())
