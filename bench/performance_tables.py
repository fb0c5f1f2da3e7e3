"""Puts the results of bench/compare.sh into the tables of a document, between the lines <!-- NAME --> and <!-- /NAME -->.

    python3 bench/performance_tables.py RESULTS docs/performance.md

RESULTS is the folder of JSON files that compare.sh leaves. A table without results stays as it is. A new section is a
function here, named as its markers, and a section_NAME in compare.sh.
"""

import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import sys


def load(path):
    return json.loads(path.read_text())


def megabytes(number):
    return f"{number / 1e6:,.0f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine():
    """One line that names where and when the results were measured."""
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    flags = re.search(r"flags\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    features = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if flags and name in flags[1].split()]
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    return (f"*{cpu[1] if cpu else platform.machine()} ({', '.join(features)}), {os.cpu_count()} cores, "
            f"{memory:.0f} GiB, Linux {platform.release()}; {datetime.date.today().isoformat()}.*")


def per_candidate(run, clock):
    """Seconds a candidate of a run of node_pruning, preparation included; of a sampled run, each candidate's share."""
    share = run["preparation_seconds"][clock] / len(run["path"])
    if len(run["candidates"]) == len(run["path"]):
        return run["seconds"][clock] / len(run["path"])
    return share + statistics.mean(candidate[clock] for candidate in run["candidates"])


def rounds(results, section, threads, other):
    """Pairs of results measured one after the other."""
    for ours in sorted(results.glob(f"{section}-{threads}-*.ours.json")):
        theirs = ours.with_name(ours.name.replace(".ours.", f".{other}."))
        if theirs.exists():
            yield load(ours), load(theirs)


def spread(values):
    values = sorted(values)
    low, high = f"{values[0]:.1f}", f"{values[-1]:.1f}"
    return low if low == high else f"{low} to {high}"


def pruning(results):
    rows, notes = [], []
    for threads, clock in ((1, "cpu"), (2, "wall")):
        pairs = list(rounds(results, "pruning", threads, "published"))
        if not pairs:
            continue
        ours = [per_candidate(run, clock) for run, _ in pairs]
        published = [statistics.mean(c[clock] for c in run["candidates"]) for _, run in pairs]
        rows.append([
            {"cpu": "CPU seconds", "wall": "wall seconds"}[clock] + f", {threads} thread" + "s" * (threads > 1),
            f"{statistics.mean(published):.3g}",
            f"{statistics.mean(ours):.3g}",
            f"**{statistics.mean(published) / statistics.mean(ours):.1f}**",
            spread(theirs / mine for theirs, mine in zip(published, ours)),
        ])
        candidates = [candidate for _, run in pairs for candidate in run["candidates"]]
        notes.append(
            f"{threads} thread{'s' * (threads > 1)}: {len(candidates)} candidates compared, scores differ by at most "
            f"{max(abs(c['difference']) for c in candidates):.1e} points, "
            f"{sum(c['same_decision'] for c in candidates)} of {len(candidates)} decisions are equal; resident peak "
            f"{megabytes(max(run['peak_resident_bytes'] for run, _ in pairs))} MB, published way "
            f"{megabytes(max(run['peak_resident_bytes'] for _, run in pairs))} MB")
    if not rows:
        return None
    run = next(rounds(results, "pruning", 1, "published"))[0]
    shape = run["shape"]
    what = (f"Engine `{run['engine']}`, {shape['n_layers']} layers of {shape['n_heads']} heads, d_model "
            f"{shape['d_model']}, {run['pairs']} pairs of prompts of up to {run['tokens']} tokens, {len(run['path'])} "
            "candidates.")
    header = ["a candidate", "published way", "this server", "ratio", "of single rounds"]
    return "\n\n".join([what, table(header, rows), "\n".join(f"- {note}." for note in notes), quarters(run)])


def quarters(run):
    """What a candidate costs along the run."""
    candidates = run["candidates"]
    parts = [candidates[i * len(candidates) // 4 : (i + 1) * len(candidates) // 4] for i in range(4)]
    row = [f"{statistics.mean(c['cpu'] for c in part):.3g}" if part else "" for part in parts]
    return table(["CPU seconds a candidate, one thread", "first quarter of the run", "second", "third", "last"],
                 [["this server", *row]])


def forward(results):
    rows = []
    for threads, clock in ((1, "cpu"), (2, "wall")):
        pairs = list(rounds(results, "forward", threads, "transformers"))
        for i in range(len(pairs[0][0]) if pairs else 0):
            ours = statistics.median(run[i][clock] for run, _ in pairs)
            theirs = statistics.median(run[i][clock] for _, run in pairs)
            rows.append([
                str(pairs[0][0][i]["batch"]), pairs[0][0][i]["logits"], f"{threads}, {clock}", f"{1000 * theirs:.0f}",
                f"{1000 * ours:.0f}", f"{theirs / ours:.2f}",
            ])
    header = ["prompts", "positions with logits", "threads, clock", "transformers (ms)", "this server (ms)", "ratio"]
    return table(header, rows) if rows else None


def sweeps(results):
    rows = []
    for path in sorted(results.glob("sweeps-*.json"), reverse=True):
        run = load(path)
        for hook in run["hooks"]:
            rows.append([
                hook["hook"], path.stem.split("-")[1], str(hook["runs"]),
                f"{run['threads']}, {run['clock'].removesuffix('_seconds')}", f"{hook['transformer_lens_seconds']:.2f}",
                f"{hook['server_seconds']:.2f}", f"{hook['ratio']:.1f}", f"{hook['difference']:.0e}",
            ])
    header = ["hook", "tokens that differ", "patched runs", "threads, clock", "TransformerLens (s)", "this server (s)",
              "ratio", "values differ by"]
    return table(header, rows) if rows else None


def growth(results):
    rows = []
    for shape in ("demo", "distilgpt2", "gpt2", "gpt2-medium"):
        for path in sorted(results.glob(f"growth-{shape}-[0-9]*.json"), key=lambda p: int(p.stem.rsplit("-", 1)[1])):
            run, num_samples = load(path), int(path.stem.rsplit("-", 1)[1])
            seconds = per_candidate(run, "cpu")
            rows.append([
                shape, str(num_samples), str(run["pairs"]), f"{seconds:.3g}", f"{1000 * seconds / run['pairs']:.3g}",
                megabytes(run["resident_before_bytes"]), megabytes(run["peak_resident_bytes"]),
                str(run["micro_batch_prompts"]),
            ])
    header = ["shape", "num_samples", "pairs", "CPU s a candidate", "ms a candidate and pair", "resident before (MB)",
              "resident peak (MB)", "micro-batch (prompts)"]
    return table(header, rows) if rows else None


def start(results):
    runs = [load(path) for path in sorted(results.glob("start-[0-9]*.json"))]
    if not runs:
        return None
    rows = []
    for name, group in (("float32", runs), ("float16", [load(results / "start-float16.json")])):
        seconds = sorted(run["load_seconds"] for run in group)
        rows.append([
            name, str(len(group)), f"{seconds[0]:.2f} to {seconds[-1]:.2f}", megabytes(group[0]["weight_file_bytes"]),
            megabytes(group[0]["parameter_bytes"]), megabytes(max(run["resident_bytes"] for run in group)),
            megabytes(max(run["peak_resident_bytes"] for run in group)),
        ])
    header = ["loaded as", "loads", "seconds", "file (MB)", "weights (MB)", "resident after, more than before (MB)",
              "at its peak (MB)"]
    return table(header, rows)


def pieces(results):
    path = results / "pieces.json"
    if not path.exists():
        return None
    rows = []
    for piece in load(path)["benchmarks"]:
        rate = f"{piece['FLOPS'] / 1e9:.0f} GFLOP/s" if "FLOPS" in piece else ""
        if "bytes_per_second" in piece:
            rate = f"{megabytes(piece['bytes_per_second'])} MB/s"
        rows.append([piece["name"], f"{piece['cpu_time']:.3g} {piece['time_unit']}", rate, piece.get("label", "")])
    return table(["piece", "CPU time", "rate", ""], rows)


def main():
    results, document = map(pathlib.Path, sys.argv[1:])
    text = document.read_text()
    for section in (start, pruning, forward, sweeps, growth, pieces):
        content = section(results)
        begin, end = f"<!-- {section.__name__} -->", f"<!-- /{section.__name__} -->"
        if content is None:
            continue
        if begin not in text or end not in text:
            raise SystemExit(f"{document}: no lines {begin} and {end}")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{content}\n\n{machine()}\n{end}{rest.split(end, 1)[1]}"
    document.write_text(text)


if __name__ == "__main__":
    main()
