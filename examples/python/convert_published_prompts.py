#!/usr/bin/env python3
"""Turns the prompt pickles published with arXiv 2311.04131 into the JSON lines that `circuit prune --prompts` takes.

    convert_published_prompts.py seqcont_circuits/data/numerals published-prompts/

A pickle is a program. The published ones are lists of dictionaries of strings, for which no code has to be loaded, so
this refuses any pickle that asks for some.
"""

import argparse
import json
import pathlib
import pickle
import sys


class StringsOnlyUnpickler(pickle.Unpickler):
    """Loads lists, dictionaries and strings; no class, no function."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"it asks for {module}.{name}: not one of the published prompt files")


def load_prompts(path):
    with open(path, "rb") as file:
        prompts = StringsOnlyUnpickler(file).load()
    if not isinstance(prompts, list) or not prompts:
        raise ValueError("not a list of prompts")
    for number, prompt in enumerate(prompts):
        for key in ("text", "corr", "incorr"):
            if not isinstance(prompt, dict) or not isinstance(prompt.get(key), str):
                raise ValueError(f'prompt {number} has no text "{key}"')
    return prompts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path, help="a folder of .pkl files, or one such file")
    parser.add_argument("target", type=pathlib.Path, help="folder for the .jsonl files, created if need be")
    arguments = parser.parse_args()

    pickles = sorted(arguments.source.glob("*.pkl")) if arguments.source.is_dir() else [arguments.source]
    if not pickles:
        sys.exit(f"{arguments.source}: no .pkl files")
    arguments.target.mkdir(parents=True, exist_ok=True)
    for path in pickles:
        try:
            prompts = load_prompts(path)
        except Exception as error:  # a malformed pickle fails with nearly any exception
            sys.exit(f"{path}: {error}")
        target = arguments.target / f"{path.stem}.jsonl"
        with open(target, "w", encoding="utf-8") as file:
            for prompt in prompts:
                file.write(json.dumps(prompt, ensure_ascii=False) + "\n")
        print(f"{target}: {len(prompts)} prompts")


if __name__ == "__main__":
    main()
