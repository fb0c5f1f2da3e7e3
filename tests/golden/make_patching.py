"""Writes activation patching sweeps, path patching and patched runs of TransformerLens.

    python3 tests/golden/make_patching.py models/seqcont-demo tests/golden/patching_seqcont-demo.json

Needs torch, transformers and transformer-lens 2.18. Sweeps come out of transformer_lens.patching; path patching and
interventions are plain forward hooks on whole runs, one prompt at a time.
"""

import argparse
import os
import pathlib

os.environ["TQDM_DISABLE"] = "1"

import torch
from transformer_lens import patching

from golden_interventions import Intervention, intervention_cases
from golden_model import encode_pairs, load_transformer_lens, numbers, write_golden

SWEEPS = {
    "hook_resid_pre": patching.get_act_patch_resid_pre,
    "hook_attn_out": patching.get_act_patch_attn_out,
    "hook_mlp_out": patching.get_act_patch_mlp_out,
    "attn.hook_z": patching.get_act_patch_attn_head_out_all_pos,
    "attn.hook_q": patching.get_act_patch_attn_head_q_all_pos,
    "attn.hook_k": patching.get_act_patch_attn_head_k_all_pos,
    "attn.hook_v": patching.get_act_patch_attn_head_v_all_pos,
    "attn.hook_pattern": patching.get_act_patch_attn_head_pattern_all_pos,
}
RECEIVERS = ["A3.2.q", "A2.5.k", "A3.1.v", "M0", "M2", "logits"]
METRICS = ["logit_diff", "prob_diff", "kl_div", "nll", "rank", "accuracy"]
CHOSEN_TOKENS = 48


def metric_value(metric, logits, reference, pair):
    """Of one prompt: last logits [d_vocab]. Wide, for the sum over a large vocabulary is off by 1e-4 in float32."""
    log_probs = logits.double().log_softmax(-1)
    correct, incorrect = pair["correct"], pair["incorrect"]
    if metric == "logit_diff":
        value = logits[correct].mean() - logits[incorrect].mean()
    elif metric == "prob_diff":
        value = log_probs[correct].exp().sum() - log_probs[incorrect].exp().sum()
    elif metric == "kl_div":
        expected = reference.double().log_softmax(-1)
        value = (expected.exp() * (expected - log_probs)).sum()
    elif metric == "nll":
        value = -log_probs[correct].exp().sum().log()
    else:
        rank = (logits > logits[correct].max()).sum()
        value = rank if metric == "rank" else (rank == 0)
    return value.item()


class Subject:
    """One pair and what the model does with it when it is left alone."""

    def __init__(self, model, pair):
        self.model, self.pair = model, pair
        self.tokens = {side: torch.tensor([pair[side]]) for side in ("clean", "corrupted")}
        self.logits, self.cache = {}, {}
        for side, tokens in self.tokens.items():
            logits, self.cache[side] = model.run_with_cache(tokens)
            self.logits[side] = logits[0, -1]

    def metric(self, metric, logits):
        return metric_value(metric, logits, self.logits["clean"], self.pair)

    def sweep(self, hook, direction, metric):
        into, source = ("corrupted", "clean") if direction == "denoising" else ("clean", "corrupted")
        values = SWEEPS[hook](self.model, self.tokens[into], self.cache[source],
                              lambda logits: torch.tensor(self.metric(metric, logits[0, -1]), dtype=torch.float64))
        return values.tolist()  # [layer][position or head]

    def path(self, senders, receiver, freeze):
        """Logits of the clean run with the receiver's input as the senders' corrupted outputs make it."""
        clean, corrupted = self.cache["clean"], self.cache["corrupted"]
        hooks = []
        if "embed" in senders:
            for name in ("hook_embed", "hook_pos_embed"):
                hooks.append((name, lambda value, hook: corrupted[hook.name]))
        for layer in range(self.model.cfg.n_layers):
            def freeze_heads(z, hook, layer=layer):
                z = clean[hook.name].clone()
                for head in range(self.model.cfg.n_heads):
                    if f"A{layer}.{head}" in senders:
                        z[:, :, head] = corrupted[hook.name][:, :, head]
                return z

            hooks.append((f"blocks.{layer}.attn.hook_z", freeze_heads))
            if f"M{layer}" in senders:
                hooks.append((f"blocks.{layer}.hook_mlp_out", lambda value, hook: corrupted[hook.name]))
            elif freeze == "all":
                hooks.append((f"blocks.{layer}.hook_mlp_out", lambda value, hook: clean[hook.name]))

        received = {}
        name, head = receiver_hook(receiver)
        if name is not None:  # seen before the freezing hooks change what is made of it
            hooks.insert(0, (name, lambda value, hook: received.__setitem__("value", value.clone())))
        logits = self.model.run_with_hooks(self.tokens["clean"], fwd_hooks=hooks)
        if name is None:
            return logits[0, -1]

        def replace(value, hook):
            value = value.clone()
            if head is None:
                return received["value"]
            value[:, :, head] = received["value"][:, :, head]
            return value

        return self.model.run_with_hooks(self.tokens["clean"], fwd_hooks=[(name, replace)])[0, -1]


def receiver_hook(receiver):
    """The hook point that a receiver's input sets, and the head: "A3.2.q", "M2", "logits"."""
    if receiver == "logits":
        return None, None
    if receiver.startswith("M"):
        return f"blocks.{receiver[1:]}.mlp.hook_pre", None
    layer, head, letter = receiver[1:].split(".")
    return f"blocks.{layer}.attn.hook_{letter}", int(head)


def senders_of(receiver, n_layers, n_heads):
    """In forward order; a head sends to the MLP of its layer."""
    end = n_layers if receiver == "logits" else int(receiver[1:].split(".")[0])
    senders = ["embed"]
    for layer in range(end):
        senders += [f"A{layer}.{head}" for head in range(n_heads)] + [f"M{layer}"]
    if receiver.startswith("M"):
        senders += [f"A{end}.{head}" for head in range(n_heads)]
    return senders


def sweeps(subjects):
    for direction in ("denoising", "noising"):
        for metric, hooks in (("logit_diff", list(SWEEPS)), ("kl_div", ["attn.hook_z", "hook_resid_pre"]),
                              ("nll", ["attn.hook_pattern"])):
            grids = {}
            for hook in hooks:
                by_prompt = [subject.sweep(hook, direction, metric) for subject in subjects]
                columns = max(len(grid[0]) for grid in by_prompt)
                grids[hook] = [[[grid[layer][column] if column < len(grid[layer]) else None for grid in by_prompt]
                                for column in range(columns)] for layer in range(len(by_prompt[0]))]
            yield {
                "direction": direction, "metric": metric,
                "clean": numbers([s.metric(metric, s.logits["clean"]) for s in subjects]),
                "corrupted": numbers([s.metric(metric, s.logits["corrupted"]) for s in subjects]),
                "grids": {hook: numbers(grid) for hook, grid in grids.items()},  # [layer][column][prompt]
            }


def paths(subjects):
    config = subjects[0].model.cfg
    for freeze in ("all", "heads"):
        for together in (False, True):
            result = []
            for receiver in RECEIVERS:
                senders = senders_of(receiver, config.n_layers, config.n_heads)
                for chosen in [senders] if together else [[sender] for sender in senders]:
                    values = [s.metric("logit_diff", s.path(chosen, receiver, freeze)) for s in subjects]
                    result.append([None if together else chosen[0], receiver, numbers(values)])
            yield {"freeze": freeze, "together": together, "receivers": RECEIVERS, "paths": result}


def patched_runs(model, pairs, chosen_tokens):
    # Off by default. With split inputs LayerNorm sees each head apart, so only the cases that need them run so.
    model.set_use_attn_result(True)
    model.set_use_hook_mlp_in(True)
    subjects = {}
    for split in (False, True):
        model.set_use_split_qkv_input(split)
        subjects[split] = [Subject(model, pair) for pair in pairs]
    for name, specs in intervention_cases(model.cfg, len(pairs)).items():
        split = any(spec["hook"].endswith(("q_input", "k_input", "v_input")) for spec in specs)
        model.set_use_split_qkv_input(split)
        yield {"name": name, "interventions": specs, **patched_run(name, specs, subjects[split], chosen_tokens)}


def patched_run(name, specs, subjects, chosen_tokens):
    logits = []
    for index, subject in enumerate(subjects):
        hooks = [(spec["hook"], Intervention(spec, subjects, index)) for spec in specs]
        logits.append(subject.model.run_with_hooks(subject.tokens["clean"], fwd_hooks=hooks)[0, -1])
    moved = max((new - subject.logits["clean"]).abs().max().item() for subject, new in zip(subjects, logits))
    assert moved > 1e-3, f"{name} changes nothing"
    return {
        "logits": numbers([new[chosen_tokens] for new in logits]),
        "log_probs": numbers([new.double().log_softmax(-1)[chosen_tokens] for new in logits]),
        "metrics": {metric: numbers([s.metric(metric, new) for s, new in zip(subjects, logits)]) for metric in METRICS},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    model = load_transformer_lens(arguments.model)
    pairs = encode_pairs(arguments.model)
    subjects = [Subject(model, pair) for pair in pairs]
    golden = {"pairs": pairs, "sweeps": list(sweeps(subjects)), "path_patching": list(paths(subjects))}

    chosen = sorted({i * model.cfg.d_vocab // CHOSEN_TOKENS for i in range(CHOSEN_TOKENS)}
                    | {token for pair in pairs for token in pair["correct"] + pair["incorrect"]})
    golden["chosen_tokens"] = chosen
    golden["unpatched_metrics"] = {
        metric: numbers([s.metric(metric, s.logits["clean"]) for s in subjects]) for metric in METRICS}
    golden["patched_runs"] = list(patched_runs(model, pairs, chosen))
    write_golden(arguments.out, golden)


if __name__ == "__main__":
    main()
