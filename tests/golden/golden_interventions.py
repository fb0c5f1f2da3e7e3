"""The interventions that make_patching.py runs, one or more of every kind, and a plain way to apply each."""

import torch

from golden_model import numbers


def intervention_cases(config, corrupted_count):
    """Name -> interventions, in the words of the C++ tests. The vectors are any numbers, from a seed."""
    random = torch.Generator().manual_seed(7)
    d_model, d_head, d_mlp = config.d_model, config.d_head, config.d_mlp

    def tensor(*shape):
        return {"shape": list(shape), "data": numbers(torch.randn(shape, generator=random).flatten())}

    def change(hook, action, value=None, **slices):
        return {"hook": hook, "action": action, **({} if value is None else {"value": value}), **slices}

    return {
        "zero_resid_pre": [change("blocks.2.hook_resid_pre", "zero", positions=[0, -3])],
        "mean_q": [change("blocks.1.attn.hook_q", "mean", heads=[1, 5])],
        "resample_k": [change("blocks.2.attn.hook_k", "resample", heads=[3, 4],
                              roles=["last_member", "first_member"])],
        "zero_v": [change("blocks.0.attn.hook_v", "zero", heads=[7, 0], positions=[3, 1])],
        "add_resid_post": [change("blocks.1.hook_resid_post", "add", tensor(d_model), coefficient=-0.75)],
        "add_resid_mid": [change("blocks.0.hook_resid_mid", "add", tensor(2, d_model), coefficient=0.5,
                                 positions=[-2, 4])],
        "scale_pattern_edge": [change("blocks.1.attn.hook_pattern", "scale", 0, heads=[2, 5, 0], positions=[-1],
                                      key_positions=[3, -5])],
        "scale_pattern": [change("blocks.3.attn.hook_pattern", "scale", 1.7)],
        "mean_pattern": [change("blocks.2.attn.hook_pattern", "mean", heads=[4, 6])],
        "resample_pattern": [change("blocks.1.attn.hook_pattern", "resample", positions=[-1, 7])],
        "set_pattern": [change("blocks.0.attn.hook_pattern", "set", tensor(2, 1, 3), heads=[5, 3], positions=[9],
                               key_positions=[2, 6, 8])],
        "knock_out_scores": [change("blocks.1.attn.hook_attn_scores", "set", {"shape": [], "data": [None]},
                                    heads=[0, 2], positions=[-1, -2], key_positions=[3, 4])],
        "add_scores": [change("blocks.2.attn.hook_attn_scores", "add", tensor(1), coefficient=2, heads=[1],
                              key_positions=[3, -5])],
        "mean_scores": [change("blocks.3.attn.hook_attn_scores", "mean")],
        "resample_scores": [change("blocks.0.attn.hook_attn_scores", "resample", heads=[6], key_positions=[3])],
        "zero_scores": [change("blocks.3.attn.hook_attn_scores", "zero", heads=[2])],
        "scale_ln1": [change("blocks.1.ln1.hook_scale", "scale", 1.5)],
        "resample_ln2_scale": [change("blocks.2.ln2.hook_scale", "resample", positions=[-1, 2])],
        "mean_ln_final_scale": [change("ln_final.hook_scale", "mean")],
        "set_ln1_normalized": [change("blocks.3.ln1.hook_normalized", "set", tensor(corrupted_count, 2, d_model),
                                      positions=[-1, 1])],
        "zero_ln2_normalized": [change("blocks.0.ln2.hook_normalized", "zero", positions=[5])],
        "add_ln_final_normalized": [change("ln_final.hook_normalized", "add", tensor(d_model))],
        "add_mlp_pre": [change("blocks.1.mlp.hook_pre", "add", tensor(d_mlp), coefficient=0.3, positions=[-1])],
        "zero_mlp_post": [change("blocks.2.mlp.hook_post", "zero")],
        "add_mlp_post": [change("blocks.0.mlp.hook_post", "add", tensor(2, 1), positions=[-1, 3])],
        "mean_mlp_out": [change("blocks.1.hook_mlp_out", "mean")],
        "zero_z": [change("blocks.1.attn.hook_z", "zero", heads=[0, 7])],
        "set_z": [change("blocks.2.attn.hook_z", "set", tensor(3, 2, d_head), heads=[6, 1], positions=[5, 2, -1])],
        "resample_result": [change("blocks.2.attn.hook_result", "resample", heads=[0, 3], positions=[-1])],
        "add_result": [change("blocks.1.attn.hook_result", "add", tensor(d_model), heads=[4])],
        "mean_attn_out": [change("blocks.0.hook_attn_out", "mean", positions=[0, 1, 2, 3])],
        "zero_embed": [change("hook_embed", "zero", roles=["first_member"])],
        "scale_pos_embed": [change("hook_pos_embed", "scale", 0.5)],
        "resample_v_input": [change("blocks.2.hook_v_input", "resample", heads=[2, 5])],
        "zero_q_input": [change("blocks.1.hook_q_input", "zero", heads=[0], positions=[-1])],
        "mean_k_input": [change("blocks.3.hook_k_input", "mean", heads=[1])],
        "scale_mlp_in": [change("blocks.1.hook_mlp_in", "scale", -0.5, positions=[-1, 3])],
        "several": [change("blocks.2.hook_mlp_out", "zero"),
                    change("blocks.1.hook_resid_mid", "add", tensor(d_model), coefficient=1.5),
                    change("blocks.0.attn.hook_z", "resample", heads=[3]),
                    change("blocks.0.attn.hook_z", "mean", heads=[5]),
                    change("blocks.3.attn.hook_pattern", "scale", 0.25, heads=[1], positions=[-1])],
    }


class Intervention:
    """Applies one intervention to the values of one prompt (a batch of one)."""

    def __init__(self, spec, subjects, index):
        self.spec, self.index = spec, index
        self.subject, self.sources = subjects[index], [subject.cache["corrupted"] for subject in subjects]

    def chosen(self, count, key, roles=()):
        indices = [i % count for i in self.spec.get(key, [])] + [self.subject.pair["roles"][role] for role in roles]
        return sorted(indices) or list(range(count))

    def source(self, name, axis):
        """What flows in: the pair's own value, or at each position the mean over the prompts that have it."""
        if self.spec["action"] == "resample":
            return self.sources[self.index][name]
        values = [cache[name] for cache in self.sources]
        if axis == 1:  # [1, pos, ...]
            means = [torch.stack([v[:, p] for v in values if p < v.shape[1]]).mean(0)
                     for p in range(self.sources[self.index][name].shape[1])]
            return torch.stack(means, 1)
        length = self.sources[self.index][name].shape[2]  # [1, heads, query, key]
        result = torch.zeros_like(self.sources[self.index][name])
        for query in range(length):
            for key in range(length):
                have = [v[:, :, query, key] for v in values if query < v.shape[2] and key < v.shape[3]]
                result[:, :, query, key] = torch.stack(have).mean(0)
        return result

    def __call__(self, value, hook):
        spec, value, name = self.spec, value.clone(), hook.name
        heads = spec.get("heads") or list(range(self.subject.model.cfg.n_heads))
        if name.endswith(("hook_attn_scores", "hook_pattern")):
            queries = self.chosen(value.shape[2], "positions", spec.get("roles", ()))
            keys = self.chosen(value.shape[3], "key_positions")
            place = (0,) + torch.meshgrid(*map(torch.tensor, (heads, queries, keys)), indexing="ij")
            kept = place[3] > place[2]  # a key after its query carries nothing
            axis = 2
        else:
            positions = self.chosen(value.shape[1], "positions", spec.get("roles", ()))
            axes = (positions, heads) if value.dim() == 4 else (positions,)
            place = (0,) + torch.meshgrid(*map(torch.tensor, axes), indexing="ij")
            kept, axis = None, 1
        old = value[place]
        new = self.changed(old, name, place, axis)
        value[place] = new if kept is None else torch.where(kept, old, new)
        return value

    def changed(self, old, name, place, axis):
        spec = self.spec
        if spec["action"] == "zero":
            return torch.zeros_like(old)
        if spec["action"] in ("mean", "resample"):
            return self.source(name, axis)[place]
        if spec["action"] == "scale":
            return old * spec["value"]
        data = [float("-inf") if x is None else x for x in spec["value"]["data"]]
        given = torch.tensor(data).view(spec["value"]["shape"])
        if given.dim() == old.dim() + 1:
            given = given[self.index]
        if spec["action"] == "set":
            return given.expand_as(old)
        return old + spec["coefficient"] * given if "coefficient" in spec else old + given
