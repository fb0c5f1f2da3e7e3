#!/usr/bin/env python3
"""A patched run: heads take what they put out from another prompt, or a direction is added to the residual stream.

    patched_run.py --model seqcont-demo --resample 1.5,1.3 --correct " 4" --incorrect " 3" \
      "Van done in 1. Hat done in 2. Ring done in 3. Sun done in" \
      "Van done in 7. Hat done in 2. Ring done in 9. Sun done in"
"""

import numpy
from circuitd_client import arguments, collect, run, text_prompts, to_tensor, token_text
from circuitd.v1 import inference_pb2, inference_pb2_grpc, intervention_pb2, metric_pb2, model_pb2, model_pb2_grpc
from circuitd.v1 import prompt_pb2


def interventions_of(options, channel):
    for node in filter(None, options.resample.split(",")):
        layer, head = node.split(".")
        yield intervention_pb2.Intervention(hook=f"blocks.{layer}.attn.hook_z", heads=[int(head)],
                                            ablation=intervention_pb2.ABLATION_RESAMPLE)
    if options.steer is not None:
        model = model_pb2_grpc.ModelServiceStub(channel).LoadModel(
            model_pb2.LoadModelRequest(name=options.model), timeout=60).model
        direction = numpy.random.default_rng(0).standard_normal(model.config.d_model)
        yield intervention_pb2.Intervention(
            hook=f"blocks.{options.steer}.hook_resid_post", positions=prompt_pb2.PositionSelector(indices=[-1]),
            add=intervention_pb2.AddVector(vector=to_tensor(direction), coefficient=2))


def main(options, channel):
    request = inference_pb2.RunPatchedRequest(
        model=options.model,
        prompts=text_prompts([options.prompt]),
        source_prompts=text_prompts([options.source]),
        interventions=interventions_of(options, channel),
        logits=inference_pb2.LogitsSelection(top_k=5),
        metric=metric_pb2.METRIC_LOGIT_DIFF,
        answers=[prompt_pb2.Answer(correct=text_prompts([options.correct]),
                                   incorrect=text_prompts([options.incorrect]))],
    )
    summary, _ = collect(inference_pb2_grpc.InferenceServiceStub(channel).RunPatched(request, timeout=60))
    print(f"logit difference: {summary.unpatched_metric.mean:.4f} -> {summary.patched_metric.mean:.4f}")
    for entry in summary.prompts[0].top:
        print(f"  {token_text(entry.token)!r:16} logit {entry.logit:8.3f}")


if __name__ == "__main__":
    parser = arguments(__doc__, prompts_of_task=False)
    parser.add_argument("--resample", default="", metavar="LAYER.HEAD,…", help="heads that take over the source's z")
    parser.add_argument("--steer", type=int, metavar="LAYER", help="add a (random) direction after this layer")
    parser.add_argument("--correct", required=True, help="the answer, one token")
    parser.add_argument("--incorrect", required=True)
    parser.add_argument("prompt")
    parser.add_argument("source", help="as long as the prompt, in tokens")
    run(main, parser.parse_args())
