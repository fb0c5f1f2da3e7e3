"""Whether reports show what the files say that they are made of: check_report_contents.py FOLDER.

The folder has nodes/, edges/, tasks/ and hostile/, each with a report.html (report_pages_test.cc).
"""

import itertools
import json
import pathlib
import sys

from page import Checks
from report_page import ReportPage, numbers, shows

root = pathlib.Path(sys.argv[1])
checks = Checks()


def read(path):
    with open(root / path, encoding="utf-8") as file:
        return json.load(file)


def read_lines(path):
    with open(root / path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def names(circuit):
    return sorted(node["name"] for node in circuit["nodes"])


def check_nodes(page, circuit):
    dims = circuit["model"]["dims"]
    every = {f"A{layer}.{head}" for layer in range(dims["n_layers"]) for head in range(dims["n_heads"])}
    every |= {f"M{layer}" for layer in range(dims["n_layers"])}
    checks.equal("nodes inside", page.nodes("in"), names(circuit))
    checks.equal("nodes outside", page.nodes("out"), sorted(every - set(names(circuit))))


def check_decisions(page, decisions):
    last = {decision["name"]: decision for decision in decisions}
    for name in sorted(last)[::5]:
        if not checks.that(page.point_at(f'g.node[data-node="{name}"]'), f"{name} can't be pointed at"):
            continue
        checks.that(page.comes(lambda: page.texts("#details h3") == [name]), f"{name} is not in the details")
        checks.that(shows(page.text("#details dl"), last[name]["score"]),
                    f"{name}: {page.text('#details dl')!r} has not {last[name]['score']}")
    count = len(decisions)
    checks.equal("page of decisions", page.text("#decisions-page"), f"1-{min(count, 100)} of {count:,}")
    checks.equal("rows", [row[1] for row in page.rows("#decisions table")], [d["name"] for d in decisions[:100]])

    column = next(i for i, title in enumerate(page.texts("#decisions th")) if "score" in title)
    by_score = sorted(decision["score"] for decision in decisions)
    for order, expected in (("ascending", by_score), ("descending", by_score[::-1])):
        page.click(f"#decisions th:nth-child({column + 1}) button")
        checks.equal("order", page.attributes(f"#decisions th:nth-child({column + 1})", "aria-sort"), [order])
        shown = [row[column] for row in page.rows("#decisions table")]
        checks.none(f"{order} scores", [(text, score) for text, score in zip(shown, expected) if not shows(text, score)])

    page.type("#decisions-filter", "A3.")
    expected = [decision for decision in decisions if decision["name"].startswith("A3.")]
    checks.equal("rows of A3.", len(page.rows("#decisions table")), len(expected))


def check_node_circuit(page):
    circuit = read("nodes/circuit.json")
    check_nodes(page, circuit)
    check_decisions(page, read_lines("nodes/decisions.jsonl"))
    checks.equal("edges drawn", page.count("path.edge"), 0)
    provenance = page.text("#provenance dl")
    for value in (circuit["model"]["name"], circuit["model"]["sha256"][:8], *circuit["provenance"].values()):
        checks.that(value in provenance, f"provenance has no {value}: {provenance!r}")


def check_edge_circuit(page):
    circuit = read("edges/circuit.json")
    check_nodes(page, circuit)
    edges = {f"{edge['sender']}->{edge['receiver']}": edge["score"] for edge in circuit["edges"]}
    strongest = sorted(edges, key=lambda name: -abs(edges[name]))
    checks.equal("edges at first", page.text("#graph-count"), f"{len(edges):,} of {len(edges):,} edges")
    for share in (0.3, 0.8, 0.0, 0.6):
        page.set_slider(share)
        shown = page.attributes("path.edge", "data-edge")
        checks.that(0 < len(shown) <= len(edges), f"{len(shown)} edges at {share} of the slider")
        checks.equal(f"edges at {share}", sorted(shown), sorted(strongest[:len(shown)]))
        checks.equal(f"count at {share}", page.text("#graph-count"), f"{len(shown):,} of {len(edges):,} edges")
        least = abs(edges[strongest[len(shown) - 1]])
        checks.that(shows(page.text("#threshold-value"), least),
                    f"threshold {page.text('#threshold-value')}, expected {least}")

    ends = {name: {name.split("->")[0], name.split("->")[1].removesuffix(".q").removesuffix(".k").removesuffix(".v")}
            for name in shown}
    node = next(end for end in sorted(ends[strongest[0]]) if end[0] in "AM")
    checks.that(page.point_at(f'g.node[data-node="{node}"]'), f"{node} can't be pointed at")
    checks.that(page.comes(lambda: page.count("svg#graph.touching") == 1), "nothing is touched")
    neighbours = set().union({node}, *(pair for pair in ends.values() if node in pair))
    checks.equal(f"neighbours of {node}", set(page.attributes("g.node.touched", "data-node")), neighbours)

    page.set_slider(0.9)
    few = page.attributes("path.edge", "data-edge")
    seen = [name for name in few if page.point_at(f'path.edge[data-edge="{name}"]') and page.comes(
        lambda name=name: shows(page.text("#details dl"), edges[name]))]
    checks.that(len(seen) >= (len(few) + 1) // 2, f"of the edges {few} only {seen} tell their scores")

    page.set_slider(0.0)
    page.click("#merge-inputs")
    page.settle()
    merged = {f"{name.split('->')[0]}->{'.'.join(name.split('->')[1].split('.')[:2])}" for name in edges}
    checks.equal("merged edges", set(page.attributes("path.edge", "data-edge")), merged)


def check_tasks(page):
    evaluation = read("tasks/evaluation.json")
    circuits = [read(f"{label['label']}/circuit.json") for label in evaluation["circuits"]]
    for name in sorted(set().union(*map(names, circuits))):
        letters = "".join(letter for letter, circuit in zip("ABC", circuits) if name in names(circuit))
        checks.equal(f"circuits of {name}", page.attributes(f'g.node[data-node="{name}"]', "data-circuits"), [letters])

    rows = page.rows("#transfer")
    checks.equal("rows of the transfer table", len(rows), len(circuits))
    for cell in evaluation["cells"]:
        shown = rows[cell["circuit"]][cell["task"] + 1]
        checks.that(shows(shown, cell["faithfulness"]), f"transfer {shown}, expected {cell['faithfulness']}")
    table = page.rows("#faithfulness-table")
    checks.equal("rows of the evaluation", len(table), len(evaluation["cells"]))
    for row, cell in zip(table, evaluation["cells"]):
        for key in ("circuit_metric", "model_metric", "score", "faithfulness"):
            checks.that(shows(" ".join(row), cell[key]), f"row {row} has not {key} {cell[key]}")

    overlap = " ".join(itertools.chain.from_iterable(page.rows("#overlap")))
    for a, b in itertools.combinations([set(names(circuit)) for circuit in circuits], 2):
        checks.that(shows(overlap, len(a & b) / len(a | b)) or round(len(a & b) / len(a | b), 2) in numbers(overlap),
                    f"no Jaccard index {len(a & b) / len(a | b)} in {overlap!r}")


def check_hostile(page):
    circuit = read("hostile/circuit.json")
    checks.equal("scripts that ran", page.run("return window.hostile ?? null"), None)
    checks.equal("elements of the data", page.count("main img, main b.hostile, main script, main iframe"), 0)
    checks.that("</script><img src=x" in page.text("h1"), f"the title is {page.texts('h1')!r}")
    check_nodes(page, circuit)
    count = numbers(page.text("#graph-count"))
    checks.that(count[0] <= 2000, f"{count[0]} edges are drawn at first")
    checks.equal("edges of the circuit", count[1], float(len(circuit["edges"])))
    checks.equal("numbers of decisions that have none", [row[3:5] for row in page.rows("#decisions table")],
                 [["\u2013", "\u2013"]] * len(read_lines("hostile/decisions.jsonl")))
    head = next(name for name in names(circuit) if name.startswith("A"))
    checks.that(page.point_at(f'g.node[data-node="{head}"]'), f"{head} can't be pointed at")
    checks.that(page.comes(lambda: page.count("#details .pattern") == 1), f"no attention map of {head}")
    words = page.text("#details .writes")
    for text in ("<b class=hostile>", "\u05e9\u05dc\u05d5\u05dd", "\\u202e", "\\x1b"):
        checks.that(text in words, f"what {head} writes has no {text!r}: {words!r}")
    checks.none("hidden characters", [c for c in words if c in "\u202e\u2066\x1b\x00"])


with ReportPage() as page:
    for name, check in (("nodes", check_node_circuit), ("edges", check_edge_circuit), ("tasks", check_tasks),
                        ("hostile", check_hostile)):
        checks.page = name
        page.open(root / name / "report.html")
        check(page)
        checks.none("browser", page.complaints())
checks.finish()
