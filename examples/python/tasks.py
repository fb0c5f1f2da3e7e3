#!/usr/bin/env python3
"""The tasks that the server can generate; with --generate, prompts as JSON lines, those alone that the model can do.

    tasks.py --model seqcont-demo
    tasks.py --model seqcont-demo --task months --generate > months.jsonl
"""

import json
import sys

from circuitd_client import arguments, run, task_prompts, token_text
from circuitd.v1 import task_pb2, task_pb2_grpc


def joined(tokens):
    return b"".join(token.text for token in tokens).decode(errors="replace")


def main(options, channel):
    stub = task_pb2_grpc.TaskServiceStub(channel)
    if not options.generate:
        for task in stub.ListTasks(task_pb2.ListTasksRequest(), timeout=60).tasks:
            print(f"{task.name}: {task.description}")
            print(f"  variants: {', '.join(task.variants) or 'none'}; roles: {', '.join(task.roles)}")
        return
    request = task_pb2.GeneratePromptsRequest(model=options.model, prompts=task_prompts(options), filter=True)
    for response in stub.GeneratePrompts(request, timeout=60):
        if response.WhichOneof("payload") == "summary":
            print(f"{response.summary.kept} of {response.summary.generated} kept", file=sys.stderr)
            continue
        for pair in response.pairs.pairs:
            print(json.dumps({
                "clean": joined(pair.clean), "corrupted": joined(pair.corrupted),
                "correct": [token_text(token) for token in pair.correct],
                "incorrect": [token_text(token) for token in pair.incorrect],
                "roles": dict(pair.roles),
                "correct_probability": pair.correct_probability, "incorrect_probability": pair.incorrect_probability}))


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--generate", action="store_true")
    run(main, parser.parse_args())
