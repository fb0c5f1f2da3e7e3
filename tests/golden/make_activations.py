"""Writes the activations of Hugging Face transformers' GPT-2 at every hook point, for the shipped model.

    python3 tests/golden/make_activations.py models/seqcont-demo tests/golden/activations.safetensors

Needs torch, transformers and safetensors. Every value comes out of the module that makes it, by a forward hook; only
what no module returns (LayerNorm's scale, attention scores, each head's result) is computed here, in float32.
Tensors are called "PROMPT/HOOK"; the prompts' texts are in the metadata.
"""

import argparse
import math

import torch
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel, GPT2Tokenizer

# Of two lengths, so that nothing depends on the usual one.
PROMPTS = [
    "Bus done in 3. Hat done in 4. Ring done in 5. Desk done in 6. Sun done in",
    "Adam born in February. Mary born in March. John born in",
]


class Recorder:
    """Collects the activations of one run of one prompt."""

    def __init__(self, model):
        self.model = model
        self.values = {}
        self.handles = []
        body = model.transformer
        self.watch_output(body.wte, "hook_embed")
        self.watch_output(body.wpe, "hook_pos_embed")
        for layer, block in enumerate(body.h):
            self.watch_block(f"blocks.{layer}.", block)
        self.watch_layer_norm(body.ln_f, "ln_final.")

    def watch(self, module, record):
        self.handles.append(module.register_forward_hook(lambda _, inputs, output: record(inputs, output)))

    def watch_output(self, module, name):
        self.watch(module, lambda _, output: self.values.__setitem__(name, output))

    def watch_layer_norm(self, module, prefix, input_name=None):
        def record(inputs, output):
            x = inputs[0]
            self.values[prefix + "hook_scale"] = (x.var(-1, keepdim=True, unbiased=False) + module.eps).sqrt()
            self.values[prefix + "hook_normalized"] = output
            if input_name is not None:
                self.values[input_name] = x

        self.watch(module, record)

    def watch_block(self, prefix, block):
        config = self.model.config
        n_heads, d_model = config.n_head, config.n_embd
        d_head = d_model // n_heads

        def record_qkv(_, output):
            for name, x in zip("qkv", output.split(d_model, dim=-1)):
                self.values[f"{prefix}attn.hook_{name}"] = x.unflatten(-1, (n_heads, d_head))

        def record_attention(_, output):
            q, k = (self.values[f"{prefix}attn.hook_{name}"].transpose(1, 2) for name in "qk")
            scores = q @ k.transpose(-1, -2) / math.sqrt(d_head)
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -math.inf)
            self.values[f"{prefix}attn.hook_attn_scores"] = scores
            self.values[f"{prefix}attn.hook_pattern"] = output[1]
            torch.testing.assert_close(scores.softmax(-1), output[1])

        def record_projection(inputs, output):
            z = inputs[0].unflatten(-1, (n_heads, d_head))
            weight = block.attn.c_proj.weight.unflatten(0, (n_heads, d_head))
            result = torch.stack([z[:, :, head] @ weight[head] for head in range(n_heads)], dim=2)
            self.values[f"{prefix}attn.hook_z"] = z
            self.values[f"{prefix}attn.hook_result"] = result
            self.values[f"{prefix}hook_attn_out"] = output
            torch.testing.assert_close(result.sum(2) + block.attn.c_proj.bias, output)

        def record_mlp_projection(inputs, output):
            self.values[f"{prefix}mlp.hook_post"] = inputs[0]
            self.values[f"{prefix}hook_mlp_out"] = output

        self.watch_layer_norm(block.ln_1, f"{prefix}ln1.", f"{prefix}hook_resid_pre")
        self.watch(block.attn.c_attn, record_qkv)
        self.watch(block.attn.c_proj, record_projection)
        self.watch(block.attn, record_attention)
        self.watch_layer_norm(block.ln_2, f"{prefix}ln2.", f"{prefix}hook_resid_mid")
        self.watch_output(block.mlp.c_fc, f"{prefix}mlp.hook_pre")
        self.watch(block.mlp.c_proj, record_mlp_projection)
        self.watch(block, lambda _, output: self.values.__setitem__(
            f"{prefix}hook_resid_post", output if isinstance(output, torch.Tensor) else output[0]))

    def run(self, tokens):
        logits = self.model(tokens, use_cache=False).logits
        for handle in self.handles:
            handle.remove()
        return {**self.values, "logits": logits, "tokens": tokens}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out")
    arguments = parser.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    model = GPT2LMHeadModel.from_pretrained(arguments.model, attn_implementation="eager", dtype=torch.float32).eval()
    tokenizer = GPT2Tokenizer.from_pretrained(arguments.model)
    tensors = {}
    for index, prompt in enumerate(PROMPTS):
        tokens = torch.tensor([tokenizer.encode(prompt)])
        for name, value in Recorder(model).run(tokens).items():
            tensors[f"{index}/{name}"] = value.contiguous().clone()
    metadata = {f"prompt/{index}": prompt for index, prompt in enumerate(PROMPTS)}
    save_file(tensors, arguments.out, metadata)
    print(f"{arguments.out}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
