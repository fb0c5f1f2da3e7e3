#!/usr/bin/env python3
"""Node pruning as a job: submits it, watches its decisions, and saves the circuit.

    node_pruning.py --model seqcont-demo --task numerals --threshold 20 --one-iteration --output circuit.json
"""

import pathlib

from circuitd_client import arguments, node_name, run, task_prompts
from circuitd.v1 import circuit_pb2, job_pb2, job_pb2_grpc


def finish(stub, spec, on_decision=lambda event: None):
    """Submits the job (a JobSpec) and watches it: the job once it has succeeded."""
    job = stub.SubmitJob(job_pb2.SubmitJobRequest(spec=spec), timeout=60).job
    for response in stub.WatchJob(job_pb2.WatchJobRequest(name=job.name)):
        if response.WhichOneof("payload") == "job":
            job = response.job
        elif response.event.WhichOneof("event") == "decision":
            on_decision(response.event.decision)
    if job.state != job_pb2.JOB_STATE_SUCCEEDED:
        raise SystemExit(f"{job.name} {job_pb2.JobState.Name(job.state)}: {job.error.message}")
    return job


def download(stub, job, name):
    request = job_pb2.DownloadArtifactRequest(name=job.name, artifact=name)
    return b"".join(response.data for response in stub.DownloadArtifact(request, timeout=60))


def main(options, channel):
    stub = job_pb2_grpc.JobServiceStub(channel)
    spec = circuit_pb2.NodePruningSpec(
        model=options.model, prompts=task_prompts(options), threshold=options.threshold,
        max_iterations=1 if options.one_iteration else None)

    def on_decision(event):
        decision = event.decision
        fate = "leaves" if decision.removed else "stays"
        print(f"  {node_name(decision.node):6} {decision.score:8.2f} %  {fate}")

    job = finish(stub, job_pb2.JobSpec(node_pruning=spec), on_decision)
    result = job.node_pruning
    print(f"{job.name}: {result.score:.2f} % of {result.full_logit_diff:.4f} with {len(result.circuit.nodes)} nodes")
    print(" ".join(map(node_name, result.circuit.nodes)))
    options.output.write_bytes(download(stub, job, "circuit.json"))
    print(f"-> {options.output}")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--threshold", type=float, default=20)
    parser.add_argument("--one-iteration", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default="circuit.json")
    run(main, parser.parse_args())
