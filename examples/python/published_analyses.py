#!/usr/bin/env python3
"""The analyses of "Towards Interpretable Sequence Continuation" (Lan, Torr and Barez, arXiv 2311.04131), in its order.

    published_analyses.py --model seqcont-demo --task numerals
    published_analyses.py --model gpt2 --task numerals --num-samples 32

Data, circuit, attention, logit lens, OV and QK scores, edges, drop-one table and transfer: each section is a request or
two, and a paragraph of what it says.
"""

import numpy
from circuitd_client import arguments, collect, node_name, run, task_prompts, text_prompts, token_prompt, token_text
from circuitd.v1 import (circuit_pb2, edges_pb2, evaluation_pb2, job_pb2, job_pb2_grpc, prompt_pb2, reading_pb2,
                         reading_pb2_grpc, task_pb2, task_pb2_grpc)
from node_pruning import finish

SEQUENCES = {
    "numerals": [str(number) for number in range(1, 13)],
    "numwords": "one two three four five six seven eight nine ten eleven twelve".split(),
    "months": "January February March April May June July August September October November December".split(),
}


def section(number, title):
    print(f"\n{number}. {title}\n")


# %% 1. Data: prompts that the model can do.
# As published, a prompt is kept if its answer is the model's first choice and at least twice as likely as the
# incorrect one: a circuit for what a model cannot do would explain nothing.
def filtered_prompts(channel, options):
    section(1, "Data")
    request = task_pb2.GeneratePromptsRequest(model=options.model, prompts=task_prompts(options), filter=True)
    inline, pairs = prompt_pb2.InlinePrompts(), []
    for response in task_pb2_grpc.TaskServiceStub(channel).GeneratePrompts(request, timeout=60):
        if response.WhichOneof("payload") == "summary":
            print(f"{response.summary.kept} of {response.summary.generated} prompts kept")
            continue
        for pair in response.pairs.pairs:
            pairs.append(pair)
            inline.clean.append(token_prompt(pair.clean, pair.roles))
            inline.corrupted.append(token_prompt(pair.corrupted))
            inline.answers.append(prompt_pb2.Answer(correct=[token_prompt([token]) for token in pair.correct],
                                                    incorrect=[token_prompt([token]) for token in pair.incorrect]))
    if not pairs:
        raise SystemExit("the model can do none of them: there is nothing to analyse")
    print("clean:     " + "".join(map(token_text, pairs[0].clean)))
    print("corrupted: " + "".join(map(token_text, pairs[0].corrupted)))
    print(f"answer {token_text(pairs[0].correct[0])!r}, not {token_text(pairs[0].incorrect[0])!r}")
    return prompt_pb2.PromptSource(inline=inline)


# %% 2. The node circuit at threshold 20.
# Heads and MLPs leave, one by one, as long as the circuit without them keeps more than 80 % of the logit difference.
def node_circuit(channel, options, prompts):
    section(2, "Node circuit, threshold 20")
    spec = circuit_pb2.NodePruningSpec(model=options.model, prompts=prompts, threshold=20)
    if options.one_iteration:
        spec.max_iterations = 1
    job = finish(job_pb2_grpc.JobServiceStub(channel), job_pb2.JobSpec(node_pruning=spec))
    result = job.node_pruning
    nodes = result.circuit.nodes
    heads = [(node.layer, node.head) for node in nodes if node.kind == circuit_pb2.NODE_KIND_ATTENTION_HEAD]
    print(" ".join(map(node_name, nodes)))
    print(f"{len(heads)} heads and {len(nodes) - len(heads)} MLPs keep {result.score:.1f} % of "
          f"{result.full_logit_diff:.2f}, after {result.decision_count} decisions")
    return job, heads


# %% 3. What the kept heads attend to.
# Early heads compare members with earlier ones, middle ones gather the members, late ones read the last member at the
# end of the prompt, where the answer is due.
def attention_of_heads(channel, options, prompts, heads):
    section(3, "Attention of the kept heads")
    request = reading_pb2.ReadAttentionRequest(model=options.model, prompts=prompts, mean_pattern=True)
    summary, tensors = collect(reading_pb2_grpc.ReadingServiceStub(channel).ReadAttention(request, timeout=60))
    pattern = tensors["pattern/mean"]  # [layers, heads, query, key]
    members = [summary.roles[f"member_{i}"] for i in range(1, 5)]
    last, end = summary.roles["last_member"], summary.roles["end"]
    queries = ("early", members[1:], "members on earlier members"), ("mid", [end], "the end on members"), (
        "late", [end], "the end on the last member")
    for third, (stage, rows, meaning) in enumerate(queries):
        begin, after = (len(pattern) * third // 3, len(pattern) * (third + 1) // 3)
        keys = [last] if stage == "late" else members
        scores = {head: numpy.mean([pattern[head][row, [key for key in keys if key < row]].sum() for row in rows])
                  for head in heads if begin <= head[0] < after}
        best = sorted(scores, key=scores.get, reverse=True)[:3]
        found = ", ".join(f"A{layer}.{head} {scores[layer, head]:.2f}" for layer, head in best) or "no head is kept"
        print(f"{stage:5} layers {begin}-{after - 1}, {meaning}: {found}")


# %% 4. The logit lens, and where the last member gives way to the next.
# In the published circuits the model first holds the last member, and turns to the next one in the later layers.
def lens(channel, options, prompts):
    section(4, "Logit lens")
    request = reading_pb2.RunLogitLensRequest(model=options.model, prompts=prompts, top_k=1)
    summary, tensors = collect(reading_pb2_grpc.ReadingServiceStub(channel).RunLogitLens(request, timeout=60))
    handovers = [prompt.handover if prompt.HasField("handover") else None for prompt in summary.prompts]
    for stage, hook in enumerate(summary.hooks):
        first = summary.prompts[0].positions[-1].layers[stage].top[0]
        print(f"{hook:26} logit difference {tensors['logit_diff'][:, stage].mean():+7.2f}, "
              f"handover of {handovers.count(stage)} prompts, first prompt's choice {token_text(first.token)!r}")


# %% 5. OV and QK scores of the kept heads.
# A head that writes the member after the one it reads makes the answer; heads before it write the member itself, and
# look for the same or the previous member.
def head_circuits(channel, options, prompts, heads):
    section(5, "OV and QK scores of the kept heads")
    stub = reading_pb2_grpc.ReadingServiceStub(channel)
    shared = {"model": options.model, "prompts": prompts,
              "sequence": text_prompts(" " + member for member in SEQUENCES[options.task]),
              "positions": prompt_pb2.PositionSelector(roles=[f"member_{i}" for i in range(1, 5)])}
    ov, ov_scores = collect(stub.ScoreOv(reading_pb2.ScoreOvRequest(**shared), timeout=60))
    qk, qk_scores = collect(stub.ScoreQk(reading_pb2.ScoreQkRequest(**shared), timeout=60))
    print(f"at {ov.position_count} members of the prompts, {len(qk.members)} different ones")
    for title, scores in (("OV writes the member", ov_scores["copy"]), ("OV writes the next member", ov_scores["next"]),
                          ("QK looks for the same", qk_scores["same"]),
                          ("QK looks for the one before", qk_scores["previous"])):
        best = sorted((head for head in heads if not numpy.isnan(scores[head])), key=lambda head: -scores[head])[:4]
        print(f"{title:28}" + ", ".join(f"A{layer}.{head} {100 * scores[layer, head]:.0f} %" for layer, head in best))


# %% 6. The edges between the kept nodes.
# An edge stays if patching it alone, inside the circuit, leaves less than 80 % of the model's logit difference.
def edge_circuit(channel, options, prompts, node_job):
    section(6, "Edges between the kept nodes, threshold 0.8")
    spec = edges_pb2.EdgePruningSpec(model=options.model, prompts=prompts,
                                     circuit=circuit_pb2.CircuitSource(job=node_job.name))
    kept = []

    def on_decision(event):
        if not event.edge_decision.removed:
            kept.append((event.edge_decision.criterion, event.edge_decision.edge))

    found = finish(job_pb2_grpc.JobServiceStub(channel), job_pb2.JobSpec(edge_pruning=spec), on_decision).edge_circuit
    print(f"{found.edge_count} of {found.decision_count} edges, between {found.node_count} nodes; those that matter most:")
    for criterion, edge in sorted(kept, key=lambda entry: entry[0])[:8]:
        print(f"  {node_name(edge.sender):>6} -> {node_name(edge.receiver):8} {100 * criterion:6.1f} % left without it")


# %% 7. What each node is worth, here and on the other tasks.
# The circuit of one task breaks others, too: they share nodes.
def drop_one_and_transfer(channel, options, prompts, node_job):
    section(7, "Drop-one table, and the circuit on the other tasks")
    tasks = [evaluation_pb2.EvaluationTask(prompts=prompts, label=options.task)]
    for task in SEQUENCES:
        if task != options.task:
            source = prompt_pb2.PromptSource(task=prompt_pb2.GeneratedTask(task=task, seed=options.seed),
                                             num_samples=options.num_samples)
            tasks.append(evaluation_pb2.EvaluationTask(prompts=source, label=task))
    spec = evaluation_pb2.EvaluationSpec(model=options.model, tasks=tasks, drop_one=True, random_circuits=5,
                                         circuits=[circuit_pb2.CircuitSource(job=node_job.name, label=options.task)])
    result = finish(job_pb2_grpc.JobServiceStub(channel), job_pb2.JobSpec(evaluation=spec)).evaluation
    for cell in result.cells:
        print(f"{result.task_labels[cell.task]:9} score {cell.score:6.1f} %, random circuits "
              f"{100 * cell.random.mean / cell.model_metric:6.1f} %")
    print("loss of score without a node, in points:")
    print("         " + "".join(f"{label:>10}" for label in result.task_labels))
    for drops in sorted(zip(*(cell.drops for cell in result.cells)), key=lambda row: -row[0].drop_percent)[:8]:
        print(f"  {node_name(drops[0].node):7}" + "".join(f"{drop.drop_percent:10.1f}" for drop in drops))


def main(options, channel):
    prompts = filtered_prompts(channel, options)
    node_job, heads = node_circuit(channel, options, prompts)
    attention_of_heads(channel, options, prompts, heads)
    lens(channel, options, prompts)
    head_circuits(channel, options, prompts, heads)
    edge_circuit(channel, options, prompts, node_job)
    drop_one_and_transfer(channel, options, prompts, node_job)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--one-iteration", action="store_true", help="of the pruning, to save time on large models")
    chosen = parser.parse_args()
    if chosen.task not in SEQUENCES:
        parser.error(f"--task: one of {', '.join(SEQUENCES)}")
    run(main, chosen)
