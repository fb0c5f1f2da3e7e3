"""Writes what can be read off a model: logit lens, direct logit attribution, attention, OV and QK scores.

    python3 tests/golden/make_readings.py models/seqcont-demo tests/golden/readings_seqcont-demo.json

Needs torch, transformers and transformer-lens 2.18. Plain loops over prompts, positions and heads; activations come out
of Hugging Face transformers and TransformerLens.
"""

import argparse
import math
import pathlib

import torch
from transformers import GPT2Tokenizer

from golden_model import encode_pairs, load_transformer_lens, load_transformers, numbers, write_golden

TOP_K = 5
# Of one length, with repeated tokens two of which are neighbours; and what has no repeated token at all.
REPETITIVE = ["Corn sold in in 2. Lake sold in 3. Corn sold", "Moon Moon lost in six. Fish lost in six. Moon lost"]
UNREPEATED = ["Corn sold in 2"]
LAYERS, HEADS = [3, 1], [5, 0, 2]
SEQUENCES = {
    "numerals": [f" {i}" for i in range(1, 13)],
    "months": [" January", " February", " March", " April", " May", " June", " July", " August", " September",
               " October", " November", " December"],
    "words": [" born", " in", " sold", "."],  # no sequence, but they stand at several positions each
}
# A rank so near to the top-k's edge, or a maximum so near to the runner-up, could go otherwise by another order of
# summation.
LEAST_MARGIN = 1e-4


def logit_lens(model, pairs, chosen_tokens):
    """transformers' hidden states are those before each layer; its last is after ln_f, so that one is hooked."""
    after_last = {}
    handle = model.transformer.h[-1].register_forward_hook(
        lambda _, inputs, output: after_last.__setitem__("x", output if torch.is_tensor(output) else output[0]))
    for skip_ln_final in (False, True):
        prompts = []
        for pair in pairs:
            hidden = model(torch.tensor([pair["clean"]]), output_hidden_states=True).hidden_states
            stages = torch.stack([*hidden[:-1], after_last["x"]])[:, 0]  # [stage, pos, d_model]
            logits = model.lm_head(stages if skip_ln_final else model.transformer.ln_f(stages))
            difference = (logits[:, -1, pair["correct"]].mean(-1) - logits[:, -1, pair["incorrect"]].mean(-1)).tolist()
            handover = next((i for i in range(len(difference)) if all(d > 0 for d in difference[i:])), None)
            assert min(map(abs, difference)) > LEAST_MARGIN
            positions = []
            for position in sorted({pair["roles"]["last_member"], len(pair["clean"]) - 1}):
                here = logits[:, position]
                top = here.topk(TOP_K)
                positions.append({
                    "position": position, "top": top.indices.tolist(), "top_logits": numbers(top.values),
                    "chosen_logits": numbers(here[:, chosen_tokens]),
                    "chosen_log_probs": numbers(here.double().log_softmax(-1)[:, chosen_tokens])})
            prompts.append({"logit_diff": numbers(difference), "handover": handover, "positions": positions})
        yield {"skip_ln_final": skip_ln_final, "prompts": prompts}
    handle.remove()


def logit_attribution(model, pairs):
    """By TransformerLens: each component's output through ln_final as it is in the run."""
    config = model.cfg
    columns, differences = [], []
    for pair in pairs:
        logits, cache = model.run_with_cache(torch.tensor([pair["clean"]]))
        terms = {"embed": cache["hook_embed"], "pos_embed": cache["hook_pos_embed"]}
        for layer in range(config.n_layers):
            z = cache["z", layer]
            for head in range(config.n_heads):
                terms[f"A{layer}.{head}"] = z[:, :, head] @ model.W_O[layer, head]
            terms[f"b_O{layer}"] = model.b_O[layer].expand(z.shape[0], z.shape[1], -1)
            terms[f"M{layer}"] = cache["mlp_out", layer]
        direction = model.W_U[:, pair["correct"]].mean(-1) - model.W_U[:, pair["incorrect"]].mean(-1)
        scale = cache["ln_final.hook_scale"][0, -1]
        column = {}
        for name, term in terms.items():
            last = term[0, -1]
            column[name] = ((last - last.mean()) / scale * model.ln_final.w @ direction).item()
        column["ln_final.b"] = (model.ln_final.b @ direction).item()
        difference = (logits[0, -1, pair["correct"]].mean() - logits[0, -1, pair["incorrect"]].mean()).item()
        assert math.isclose(sum(column.values()), difference, abs_tol=1e-4)
        columns.append(column)
        differences.append(difference)
    return {"components": list(columns[0]), "logit_diff": numbers(differences),
            "per_prompt": [numbers([column[name] for column in columns]) for name in columns[0]]}


def head_scores(pattern, tokens):
    """pattern [query, key] of one head; each score, or None where no query has such a key."""
    wanted = {
        "previous_token": lambda query, key: key == query - 1,
        "duplicate_token": lambda query, key: key < query and tokens[key] == tokens[query],
        "induction": lambda query, key: 0 < key <= query and tokens[key - 1] == tokens[query],
    }
    scores = {}
    for name, is_key in wanted.items():
        sums = []
        for query in range(len(tokens)):
            keys = [key for key in range(len(tokens)) if is_key(query, key)]
            if keys:
                sums.append(sum(pattern[query][key] for key in keys))
        scores[name] = sum(sums) / len(sums) if sums else None
    return scores


def attention(reference, model, prompts, layers, heads, with_tensors):
    """Patterns are transformers', scores before the softmax are TransformerLens's."""
    config = model.cfg
    patterns, scores, by_kind = [], [], []
    for tokens in prompts:
        weights = reference(torch.tensor([tokens]), output_attentions=True).attentions
        _, cache = model.run_with_cache(torch.tensor([tokens]))
        patterns.append([[weights[layer][0, head].tolist() for head in heads] for layer in layers])
        scores.append([[cache["attn_scores", layer][0, head].tolist() for head in heads] for layer in layers])
        by_kind.append([[head_scores(pattern, tokens) for pattern in row] for row in patterns[-1]])
    golden = {"prompts": prompts, "layers": layers, "heads": heads}
    for kind in ("previous_token", "duplicate_token", "induction"):
        golden[kind] = [[mean_of([prompt[row][column][kind] for prompt in by_kind]) for column in range(len(heads))]
                        for row in range(len(layers))]
    if with_tensors:
        assert len({len(tokens) for tokens in prompts}) == 1
        golden["patterns"], golden["attn_scores"] = numbers(patterns), numbers(scores)
        golden["mean_pattern"] = numbers(torch.tensor(patterns).mean(0))
    return golden


def mean_of(values):
    present = [value for value in values if value is not None]
    return numbers(sum(present) / len(present)) if present else None


def layer_norm(module, x):
    return module(x.view(1, 1, -1))[0, 0]


def read_positions(model, pairs, roles):
    """(token, residual stream after layer 0) of every position that is read."""
    for pair in pairs:
        _, cache = model.run_with_cache(torch.tensor([pair["clean"]]))
        positions = sorted(pair["roles"][role] for role in roles) or range(len(pair["clean"]))
        for position in positions:
            yield pair["clean"][position], cache["resid_post", 0][0, position]


def ov_scores(model, pairs, roles, sequence):
    config = model.cfg
    positions = list(read_positions(model, pairs, roles))
    following = dict(zip(sequence, sequence[1:]))
    copy, following_share, margin = [], [], math.inf
    for layer in range(config.n_layers):
        copy.append([])
        following_share.append([])
        for head in range(config.n_heads):
            copied, continued = [], []
            for token, residual in positions:
                x = layer_norm(model.blocks[layer].ln1, residual)
                written = (x @ model.W_V[layer, head] + model.b_V[layer, head]) @ model.W_O[layer, head]
                logits = layer_norm(model.ln_final, written) @ model.W_U + model.b_U
                top = logits.topk(TOP_K + 1)
                best = top.indices[:TOP_K].tolist()
                edge = (top.values[TOP_K - 1] + top.values[TOP_K]) / 2
                copied.append(token in best)
                margin = min(margin, abs(logits[token] - edge).item())
                if token in following:
                    continued.append(following[token] in best)
                    margin = min(margin, abs(logits[following[token]] - edge).item())
            copy[-1].append(sum(copied) / len(copied))
            following_share[-1].append(sum(continued) / len(continued) if continued else None)
    member_count = sum(token in following for token, _ in positions)
    print(f"OV: {len(positions)} positions, {member_count} members, least margin {margin:.5f}")
    return {"roles": roles, "sequence": sequence, "top_k": TOP_K, "copy": numbers(copy),
            "next": numbers(following_share), "position_count": len(positions), "member_count": member_count}, margin


def qk_scores(model, pairs, roles, sequence):
    config = model.cfg
    found = {}
    for token, residual in read_positions(model, pairs, roles):
        found.setdefault(token, []).append(residual)
    members = [token for token in sequence if token in found]
    means = [torch.stack(found[token]).mean(0) for token in members]
    predecessor = dict(zip(sequence[1:], sequence))
    have_previous = [(i, members.index(predecessor[token])) for i, token in enumerate(members)
                     if predecessor.get(token) in members]
    scores, same, previous, margin = [], [], [], math.inf
    for layer in range(config.n_layers):
        x = torch.stack([layer_norm(model.blocks[layer].ln1, mean) for mean in means])
        scores.append([])
        same.append([])
        previous.append([])
        for head in range(config.n_heads):
            q = x @ model.W_Q[layer, head] + model.b_Q[layer, head]
            k = x @ model.W_K[layer, head] + model.b_K[layer, head]
            grid = q @ k.T / math.sqrt(config.d_head)
            best = grid.argmax(-1).tolist()
            two = grid.topk(2).values
            margin = min(margin, (two[:, 0] - two[:, 1]).min().item())
            scores[-1].append(numbers(grid))
            same[-1].append(numbers(sum(best[i] == i for i in range(len(members))) / len(members)))
            hits = [best[i] == j for i, j in have_previous]
            previous[-1].append(numbers(sum(hits) / len(hits)) if hits else None)
    print(f"QK: members {members}, least margin {margin:.5f}")
    return {"roles": roles, "sequence": sequence, "members": members, "scores": scores, "same": same,
            "previous": previous}, margin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    reference, model = load_transformers(arguments.model), load_transformer_lens(arguments.model)
    tokenizer = GPT2Tokenizer.from_pretrained(arguments.model)
    pairs = encode_pairs(arguments.model)
    encoded = {name: [tokenizer.encode(text)[0] for text in members] for name, members in SEQUENCES.items()}
    every_layer, every_head = list(range(model.cfg.n_layers)), list(range(model.cfg.n_heads))
    repetitive = [tokenizer.encode(text) for text in REPETITIVE]
    chosen = [0, 1, model.cfg.d_vocab - 1, *pairs[0]["correct"], *pairs[0]["incorrect"]]
    golden = {
        "pairs": pairs, "chosen_tokens": chosen, "top_k": TOP_K,
        "logit_lens": list(logit_lens(reference, pairs, chosen)),
        "logit_attribution": logit_attribution(model, pairs),
        "attention": [
            attention(reference, model, repetitive, LAYERS, HEADS, with_tensors=True),
            attention(reference, model, repetitive + [pair["clean"] for pair in pairs], every_layer, every_head, False),
            attention(reference, model, list(map(tokenizer.encode, UNREPEATED)), every_layer, every_head, False),
        ],
    }
    cases = [([0], [], "numerals"), ([0, 1, 2], ["first_member", "last_member"], "months"), ([2], [], "months"),
             ([2, 0], [], "words")]
    for key, score in (("ov", ov_scores), ("qk", qk_scores)):
        results = [score(model, [pairs[i] for i in prompts], roles, encoded[name]) for prompts, roles, name in cases]
        for (prompts, _, _), (result, _) in zip(cases, results):
            result["pairs"] = prompts
        if min(margin for _, margin in results) < LEAST_MARGIN:
            raise SystemExit(f"{key}: a margin is below {LEAST_MARGIN}: take other prompts")
        golden[key] = [result for result, _ in results]
    write_golden(arguments.out, golden)


if __name__ == "__main__":
    main()
