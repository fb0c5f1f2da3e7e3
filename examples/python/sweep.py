#!/usr/bin/env python3
"""An activation patching sweep: what brings the answer back, layer by position and layer by head?

    sweep.py --model seqcont-demo --task numerals --hook hook_resid_pre --hook attn.hook_z
"""

import numpy
from circuitd_client import arguments, collect, run, task_prompts, token_text
from circuitd.v1 import patching_pb2, patching_pb2_grpc


def main(options, channel):
    request = patching_pb2.RunSweepRequest(
        model=options.model,
        prompts=task_prompts(options),
        hooks=options.hook or ["hook_resid_pre", "attn.hook_z"],
        direction=patching_pb2.PATCHING_DIRECTION_DENOISING,
    )
    summary, tensors = collect(patching_pb2_grpc.PatchingServiceStub(channel).RunSweep(request, timeout=300))
    clean, corrupted = summary.clean_metric.mean, summary.corrupted_metric.mean
    print(f"logit difference: clean {clean:.4f} (100 %), corrupted {corrupted:.4f} (0 %)")
    for grid in summary.grids:
        recovered = 100 * (tensors[f"{grid.hook}/mean"] - corrupted) / (clean - corrupted)  # [layers, columns]
        print(f"\n{grid.hook}, % recovered, by layer")
        for index, column in enumerate(grid.columns):
            label = f"head {column}" if grid.columns_are_heads else f"{column} {token_text(summary.tokens[column])!r}"
            print(f"{label:>16} " + "".join(f"{value:8.1f}" for value in recovered[:, index]))
        layer, column = numpy.unravel_index(numpy.nanargmax(recovered), recovered.shape)
        print(f"strongest: layer {grid.layers[layer]}, column {grid.columns[column]}, {recovered[layer, column]:.1f} %")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--hook", action="append", help="without blocks.{l}., as often as needed")
    run(main, parser.parse_args())
