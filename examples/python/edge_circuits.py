#!/usr/bin/env python3
"""Circuits of edges: EAP-IG finds one, and an evaluation judges it beside random circuits of its size.

    edge_circuits.py --model seqcont-demo --task numerals --top-k 100 --output circuit.json
"""

import pathlib

from circuitd_client import arguments, run, task_prompts
from node_pruning import download, finish
from circuitd.v1 import circuit_pb2, edges_pb2, evaluation_pb2, intervention_pb2, job_pb2, job_pb2_grpc


def main(options, channel):
    stub = job_pb2_grpc.JobServiceStub(channel)
    prompts = task_prompts(options)
    attribution = edges_pb2.EdgeAttributionSpec(
        model=options.model, prompts=prompts, method=edges_pb2.ATTRIBUTION_METHOD_EAP_IG_INPUTS, steps=options.steps,
        selection=edges_pb2.EdgeSelection(top_k=options.top_k))
    job = finish(stub, job_pb2.JobSpec(edge_attribution=attribution))
    found = job.edge_circuit
    print(f"{job.name}: {found.edge_count} edges between {found.node_count} heads and MLPs")
    options.output.write_bytes(download(stub, job, "circuit.json"))
    print(f"-> {options.output}")

    evaluation = evaluation_pb2.EvaluationSpec(
        model=options.model, circuits=[circuit_pb2.CircuitSource(job=job.name, label="eap-ig")],
        tasks=[evaluation_pb2.EvaluationTask(prompts=prompts)], ablation=intervention_pb2.ABLATION_RESAMPLE, curve=True)
    cell = finish(stub, job_pb2.JobSpec(evaluation=evaluation)).evaluation.cells[0]
    print(f"faithfulness {cell.faithfulness:.3f}; m(model) {cell.model_metric:.3f}, m(circuit) "
          f"{cell.circuit_metric:.3f}, m(empty) {cell.empty_metric:.3f}")
    print(f"random circuits {cell.random.mean:.3f}, 95 % of them in {cell.random.low:.3f} to {cell.random.high:.3f}")
    print(f"CPR {cell.cpr:.3f}, CMD {cell.cmd:.3f}")
    for point in cell.curve:
        print(f"  {100 * point.fraction:5.1f} % of the edges: {point.edge_count:5} matter, "
              f"faithfulness {point.faithfulness:.3f}")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=5, help="of the integrated gradients (%(default)s)")
    parser.add_argument("--top-k", type=int, default=100, help="edges of the circuit (%(default)s)")
    parser.add_argument("--output", type=pathlib.Path, default="circuit.json")
    run(main, parser.parse_args())
