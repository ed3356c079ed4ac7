#!/usr/bin/env python3
"""Makes tests/reference/fine_tuning.json: what 20 steps of fine-tuning do to tiny models in PyTorch.

    pip install torch numpy safetensors
    training/reference_fine_tuning.py

The same weights (those of tests/fixtures/transformers/), rows, batches, losses, optimiser and learning rates as semroute's own training, and no dropout;
rows and first heads stand in the file. Every text runs by itself, so that nothing is padded. Runs on the processor, in float32.
"""

import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "transformers"
OUT = ROOT / "tests" / "reference" / "fine_tuning.json"
SEED, ROWS, BATCH, STEPS, WARM_UP = 20251122, 24, 6, 20, 4
TARGETS = {"tasks": 4, "auxiliary": 6, "complexities": 3, "models": 3}
SETTINGS = {
    "encoder_rate": 5e-4, "head_rate": 5e-3, "weight_decay": 0.05, "clip": 1.0, "smoothing": 0.05,
    "auxiliary_weight": 0.5, "warm_up": WARM_UP, "steps": STEPS,
}  # fmt: skip
PARTS = {"query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value"}


def make_rows(rng, vocabulary):
    """Token ids without special ones, and targets that some rows lack."""
    rows = []
    for _ in range(ROWS):
        row = {"tokens": [rng.randrange(5, vocabulary) for _ in range(rng.randrange(2, 14))]}
        task = rng.randrange(TARGETS["tasks"])
        if rng.random() < 0.8:
            row["task"] = task
        if rng.random() < 0.7:
            row["auxiliary"] = rng.randrange(TARGETS["auxiliary"])
        if rng.random() < 0.6:
            row["complexity"] = rng.randrange(TARGETS["complexities"])
        row["quality"] = [[model, round(rng.random(), 3)] for model in range(TARGETS["models"]) if rng.random() < 0.5]
        rows.append(row)
    return rows


def class_weights(labels, count):
    """The root of what would make every label the same, so that all rows together weigh as much as they are."""
    rows = [labels.count(label) for label in range(count)]
    raw = [(sum(rows) / (count * max(n, 1))) ** 0.5 for n in rows]
    weighed = sum(n * w for n, w in zip(rows, raw))
    return [w * sum(rows) / weighed if n else 1.0 for n, w in zip(rows, raw)]


def pooled(config, weights, tokens):
    import torch
    from torch.nn import functional

    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    linear = lambda x, name: functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])  # noqa: E731

    def norm(x, name):
        return functional.layer_norm(
            x, (hidden,), weights[f"{name}.weight"], weights[f"{name}.bias"], config["layer_norm_eps"]
        )

    first = config["pad_token_id"] + 1 if "roberta" in config["model_type"] else 0
    table = lambda name: weights[f"embeddings.{name}_embeddings.weight"]  # noqa: E731
    x = table("word")[tokens] + table("position")[first : first + len(tokens)] + table("token_type")[0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        split = lambda y: y.view(len(tokens), heads, hidden // heads).transpose(0, 1)  # noqa: E731
        query, key, value = (split(linear(x, name + part)) for part in PARTS.values())
        taken = torch.softmax(query @ key.transpose(1, 2) / (hidden // heads) ** 0.5, dim=-1) @ value
        taken = taken.transpose(0, 1).reshape(len(tokens), hidden)
        x = norm(x + linear(taken, name + "attention.output.dense"), name + "attention.output.LayerNorm")
        wide = functional.gelu(linear(x, name + "intermediate.dense"))
        x = norm(x + linear(wide, name + "output.dense"), name + "output.LayerNorm")
    return x.mean(0)


def run(folder, rng):
    import safetensors.torch
    import torch
    from torch.nn import functional

    config = json.loads((folder / "config.json").read_text())
    weights = {
        name: tensor.float().requires_grad_()
        for name, tensor in safetensors.torch.load_file(folder / "model.safetensors").items()
        if name.startswith(("embeddings.", "encoder.")) and tensor.is_floating_point()
    }
    rows = make_rows(rng, config["vocab_size"])
    outputs = {
        "task": TARGETS["tasks"], "auxiliary": TARGETS["auxiliary"], "complexity": TARGETS["complexities"] - 1,
        "quality": TARGETS["models"],
    }  # fmt: skip
    heads = {
        name: [[round(rng.gauss(0, 0.02), 6) for _ in range(config["hidden_size"])] for _ in range(count)]
        for name, count in outputs.items()
    }
    tensors = {f"heads.{name}.weight": torch.tensor(values).requires_grad_() for name, values in heads.items()}
    tensors |= {f"heads.{name}.bias": torch.zeros(count).requires_grad_() for name, count in outputs.items()}
    of_labels = {
        field: torch.tensor(class_weights([row[field] for row in rows if field in row], count))
        for field, count in (("task", 4), ("auxiliary", 6), ("complexity", 3))
    }

    def group(named, rate):
        plain = [tensor for tensor in named.values() if tensor.dim() == 1]
        decayed = [tensor for tensor in named.values() if tensor.dim() > 1]
        return [{"params": plain, "lr": rate, "weight_decay": 0.0},
                {"params": decayed, "lr": rate, "weight_decay": SETTINGS["weight_decay"]}]  # fmt: skip

    optimiser = torch.optim.AdamW(
        group(weights, SETTINGS["encoder_rate"]) + group(tensors, SETTINGS["head_rate"]), betas=(0.9, 0.999), eps=1e-8
    )
    factor = lambda step: (step + 1) / WARM_UP if step < WARM_UP else (STEPS - step) / (STEPS - WARM_UP)  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    batches = [[rng.randrange(ROWS) for _ in range(BATCH)] for _ in range(STEPS)]
    losses, lengths = [], []
    for batch in batches:
        chosen = [rows[at] for at in batch]
        vectors = torch.stack([pooled(config, weights, torch.tensor(row["tokens"])) for row in chosen])
        vectors = vectors / vectors.norm(dim=1, keepdim=True) * config["hidden_size"] ** 0.5
        scores = lambda name: vectors @ tensors[f"heads.{name}.weight"].T + tensors[f"heads.{name}.bias"]  # noqa: E731
        loss = 0.0
        for field, weight in (("task", 1.0), ("auxiliary", SETTINGS["auxiliary_weight"])):
            having = [at for at, row in enumerate(chosen) if field in row]
            if having:
                truth = torch.tensor([chosen[at][field] for at in having])
                loss = loss + weight * functional.cross_entropy(
                    scores(field)[having], truth, weight=of_labels[field], label_smoothing=SETTINGS["smoothing"]
                )
        having = [at for at, row in enumerate(chosen) if "complexity" in row]
        if having:
            truth = torch.tensor([chosen[at]["complexity"] for at in having])
            steps = (truth[:, None] > torch.arange(2)[None, :]).float()
            each = functional.binary_cross_entropy_with_logits(scores("complexity")[having], steps, reduction="none")
            by_row = of_labels["complexity"][truth]
            loss = loss + (each.mean(1) * by_row).sum() / by_row.sum()
        known = [(at, model, score) for at, row in enumerate(chosen) for model, score in row["quality"]]
        if known:
            said = torch.stack([scores("quality")[at, model] for at, model, _ in known])
            truth = torch.tensor([score for _, _, score in known])
            loss = loss + functional.binary_cross_entropy_with_logits(said, truth)
        # A head that no row of the batch teaches has a gradient of zeros and not none.
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        every = [*weights.values(), *tensors.values()]
        lengths.append(round(float(torch.nn.utils.clip_grad_norm_(every, SETTINGS["clip"])), 6))
        optimiser.step()
        schedule.step()
        losses.append(round(loss.item(), 6))
    return {"rows": rows, "batches": batches, "heads": heads, "losses": losses, "gradient_lengths": lengths}


def main():
    import platform

    import torch

    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    found = {
        "made_with": {"script": "training/reference_fine_tuning.py", "python": platform.python_version(),
                      "torch": torch.__version__},
        "targets": TARGETS,
        "settings": SETTINGS,
        "models": {name: run(FIXTURES / name, random.Random(SEED)) for name in ("bert-xlmr-vocabulary", "xlm-roberta")},
    }  # fmt: skip
    OUT.write_text(one_line_a_list(found))
    print(f"wrote {OUT.relative_to(ROOT)}: {OUT.stat().st_size} bytes")
    for name, model in found["models"].items():
        print(f"{name}: loss {model['losses'][0]} to {model['losses'][-1]}")


def one_line_a_list(found):
    """So that a change of one row is a change of one line."""
    models = []
    for name, model in found["models"].items():
        fields = []
        for key, value in model.items():
            items = value.items() if isinstance(value, dict) else None
            lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in items] if items else [json.dumps(v) for v in value]
            ends = "{}" if items else "[]"
            fields.append(f"  {json.dumps(key)}: {ends[0]}\n" + ",\n".join(f"   {line}" for line in lines) + f"\n  {ends[1]}")
        models.append(f" {json.dumps(name)}: {{\n" + ",\n".join(fields) + "\n }")
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(found[key])}" for key in ("made_with", "targets", "settings"))
    return "{" + head + ',\n"models": {\n' + ",\n".join(models) + "\n}}\n"


if __name__ == "__main__":
    main()
