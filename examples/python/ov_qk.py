#!/usr/bin/env python3
"""OV and QK scores: heads that write the token they read, or its successor; and members that look for each other.

    ov_qk.py --model seqcont-demo --task numerals
"""

import numpy
from circuitd_client import arguments, collect, run, task_prompts, token_text
from circuitd.v1 import reading_pb2, reading_pb2_grpc


def strongest(scores, count=4):
    order = numpy.argsort(numpy.where(numpy.isnan(scores), -1, scores), axis=None)[::-1][:count]
    places = [numpy.unravel_index(index, scores.shape) for index in order]
    return ", ".join(f"A{layer}.{head} {100 * scores[layer, head]:.0f} %" for layer, head in places)


def main(options, channel):
    stub = reading_pb2_grpc.ReadingServiceStub(channel)
    ov, ov_scores = collect(stub.ScoreOv(
        reading_pb2.ScoreOvRequest(model=options.model, prompts=task_prompts(options)), timeout=60))
    print(f"OV, at {ov.position_count} positions, {ov.member_count} of them with a next member")
    print("  copies the token:       ", strongest(ov_scores["copy"]))
    print("  writes the next member: ", strongest(ov_scores["next"]))
    qk, qk_scores = collect(stub.ScoreQk(
        reading_pb2.ScoreQkRequest(model=options.model, prompts=task_prompts(options)), timeout=60))
    print("QK, among the members", " ".join(repr(token_text(member)) for member in qk.members))
    print("  looks for the same member:    ", strongest(qk_scores["same"]))
    print("  looks for the one before:     ", strongest(qk_scores["previous"]))


if __name__ == "__main__":
    run(main, arguments(__doc__).parse_args())
