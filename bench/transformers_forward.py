"""Times forward passes of Hugging Face transformers, as bench/forward.cc times this server's, and prints the same JSON.

    python3 bench/transformers_forward.py --model FOLDER --prompts FILE.jsonl --batches 1,32 --threads 1

Needs torch and transformers.
"""

import argparse
import json
import statistics
import time

import torch
from transformers import GPT2LMHeadModel


def measure(run, seconds):
    """Median times of a run, repeated until `seconds` are over, at least twice after a first one that is not counted."""
    cpus, walls, begin = [], [], time.perf_counter()
    while len(cpus) < 3 or time.perf_counter() - begin < seconds:
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return {"cpu": statistics.median(cpus[1:]), "wall": statistics.median(walls[1:])}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="the model's folder")
    parser.add_argument("--prompts", required=True, help="pairs of token ids, one a line; the clean ones are run")
    parser.add_argument("--batches", default="1,32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    model = GPT2LMHeadModel.from_pretrained(arguments.model, dtype=torch.float32).eval()
    with open(arguments.prompts, encoding="utf-8") as file:
        prompts = [json.loads(line)["clean_ids"] for line in file]
    report = []
    with torch.inference_mode():
        for batch in map(int, arguments.batches.split(",")):
            tokens = torch.tensor([prompts[i % len(prompts)] for i in range(batch)])
            for logits, keep in (("last", 1), ("all", 0)):
                times = measure(lambda: model(tokens, use_cache=False, logits_to_keep=keep), arguments.seconds)
                report.append({**times, "batch": batch, "logits": logits})
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
