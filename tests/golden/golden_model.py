"""The model, the prompts and the number format that make_patching.py and make_readings.py share.

The prompts read alike in both models' vocabularies, token for token, so their roles hold for both.
"""

import collections
import json
import math

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import GPT2LMHeadModel, GPT2Tokenizer

Pair = collections.namedtuple("Pair", "clean corrupted correct incorrect roles")

# Of two lengths, with answers of several tokens on both sides.
PAIRS = [
    Pair("Corn sold in 2. Lake sold in 3. Ring sold in 4. Wolf sold in 5. Desk sold in",
         "Corn sold in 7. Lake sold in 1. Ring sold in 9. Wolf sold in 3. Desk sold in",
         [" 6", " six"], [" 5", " 4", " five"], {"first_member": 3, "last_member": 18}),
    Pair("Moon lost in six. Fish lost in seven. Boot lost in",
         "Moon lost in two. Fish lost in nine. Boot lost in",
         [" eight"], [" seven"], {"first_member": 3, "last_member": 8}),
    Pair("Adam born in March. Mary born in April. Jane born in May. Luke born in June. Tom born in",
         "Adam born in May. Mary born in August. Jane born in March. Luke born in October. Tom born in",
         [" July"], [" June"], {"first_member": 3, "last_member": 18}),
]


def load_transformers(folder):
    return GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def load_transformer_lens(folder):
    """TransformerLens with the weights as they are: nothing folded, nothing centred."""
    reference = load_transformers(folder)
    config = reference.config
    model = HookedTransformer(HookedTransformerConfig(
        n_layers=config.n_layer, n_heads=config.n_head, d_model=config.n_embd, d_head=config.n_embd // config.n_head,
        d_mlp=config.n_inner or 4 * config.n_embd, n_ctx=config.n_positions, d_vocab=config.vocab_size,
        act_fn=config.activation_function, eps=config.layer_norm_epsilon, normalization_type="LN",
        default_prepend_bos=False, device="cpu", dtype=torch.float32))
    model.load_and_process_state_dict(
        convert_gpt2_weights(reference, model.cfg), fold_ln=False, center_writing_weights=False, center_unembed=False,
        fold_value_biases=False, refactor_factored_attn_matrices=False)
    tokens = torch.arange(20).unsqueeze(0)
    torch.testing.assert_close(model(tokens), reference(tokens).logits, atol=1e-4, rtol=1e-5)
    return model.eval()


def encode_pairs(folder, pairs=PAIRS):
    """The pairs as token ids, in the words of the C++ tests."""
    tokenizer = GPT2Tokenizer.from_pretrained(folder)

    def single(text):
        ids = tokenizer.encode(text)
        assert len(ids) == 1, f"{text!r} is {len(ids)} tokens"
        return ids[0]

    result = []
    for pair in pairs:
        ids = {"clean": tokenizer.encode(pair.clean), "corrupted": tokenizer.encode(pair.corrupted),
               "correct": [single(text) for text in pair.correct],
               "incorrect": [single(text) for text in pair.incorrect], "roles": pair.roles}
        assert len(ids["clean"]) == len(ids["corrupted"])
        result.append(ids)
    return result


def numbers(values):
    """A tensor or list as nested lists of numbers with the nine digits that tell all float32 apart. None stands for
    minus infinity among attention scores, for NaN elsewhere."""
    if isinstance(values, torch.Tensor):
        values = values.tolist()
    if isinstance(values, list):
        return [numbers(value) for value in values]
    if values is None or not math.isfinite(values):
        return None
    return float(f"{values:.9g}")


def write_golden(path, golden):
    """A line for each top-level key, or for each entry of a list there."""
    lines = []
    for key, value in golden.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value) + "]"
        else:
            text = json.dumps(value, separators=(",", ":"))
        lines.append(f"{json.dumps(key)}:{text}")
    path.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{path}: {path.stat().st_size} bytes")
