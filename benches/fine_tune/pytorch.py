#!/usr/bin/env python3
"""The training of `semroute train --fine-tune` once more in PyTorch, to compare times and accuracies with.

    pip install torch safetensors tokenizers
    benches/fine_tune/pytorch.py --model DIR --rows FILE.jsonl [--auxiliary category] [--steps N]

The same network, loss, optimiser, schedule, tokens and batches of like length; texts of a batch are padded to its longest one, as PyTorch's
users do. With `--steps` it stops there and tells the time of a step only. Prints one line of JSON.
"""

import argparse
import json
import math
import pathlib
import random
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=pathlib.Path, required=True)
    parser.add_argument("--field", default="task")
    parser.add_argument("--auxiliary", default=None)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=96)
    parser.add_argument("--encoder-rate", type=float, default=1e-4)
    parser.add_argument("--head-rate", type=float, default=2e-3)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--smoothing", type=float, default=0.05)
    parser.add_argument("--warm-up", type=float, default=0.1)
    parser.add_argument("--auxiliary-weight", type=float, default=0.5)
    parser.add_argument("--plain-vectors", action="store_true", help="heads read the pooled vector as it is, not at unit length")
    parser.add_argument("--holdout", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=None)
    return parser.parse_args()


def cut(ids, most):
    """Two thirds of what may be read from the front, one third from the back; the special tokens stay around them."""
    if len(ids) <= most:
        return ids
    inner, room = ids[1:-1], most - 2
    head = room - room // 3
    return [ids[0], *inner[:head], *inner[len(inner) - (room - head):], ids[-1]]


def build(config, dropout):
    import torch
    from torch import nn
    from torch.nn import functional

    hidden, heads = config["hidden_size"], config["num_attention_heads"]

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key, self.value, self.attended = (nn.Linear(hidden, hidden) for _ in range(4))
            self.widen = nn.Linear(hidden, config["intermediate_size"])
            self.narrow = nn.Linear(config["intermediate_size"], hidden)
            self.attention_norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
            self.output_norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])

        def forward(self, x, mask):
            batch, length, _ = x.shape
            split = lambda y: y.view(batch, length, heads, hidden // heads).transpose(1, 2)  # noqa: E731
            rate = dropout if self.training else 0.0
            attended = functional.scaled_dot_product_attention(
                split(self.query(x)), split(self.key(x)), split(self.value(x)), attn_mask=mask, dropout_p=rate
            )
            attended = attended.transpose(1, 2).reshape(batch, length, hidden)
            x = self.attention_norm(x + functional.dropout(self.attended(attended), rate, self.training))
            wide = functional.gelu(self.widen(x))
            return self.output_norm(x + functional.dropout(self.narrow(wide), rate, self.training))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(config["vocab_size"], hidden)
            self.positions = nn.Embedding(config["max_position_embeddings"], hidden)
            self.types = nn.Embedding(config["type_vocab_size"], hidden)
            self.norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
            self.layers = nn.ModuleList(Layer() for _ in range(config["num_hidden_layers"]))

        def forward(self, ids, mask):
            at = torch.arange(ids.shape[1])
            x = self.norm(self.words(ids) + self.positions(at) + self.types.weight[0])
            x = functional.dropout(x, dropout, self.training)
            wide = mask[:, None, None, :].bool()
            for layer in self.layers:
                x = layer(x, wide)
            return (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)

    return Encoder()


NAMES = {
    "words": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm",
}  # fmt: skip
LAYER_NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "attended": "attention.output.dense", "attention_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense", "narrow": "output.dense", "output_norm": "output.LayerNorm",
}  # fmt: skip


def published_name(name):
    parts = name.split(".")
    if parts[0] == "layers":
        return f"encoder.layer.{parts[1]}.{LAYER_NAMES[parts[2]]}.{parts[3]}"
    return f"{NAMES[parts[0]]}.{parts[1]}"


def batches(lengths, size, rng):
    """Rows shuffled, sorted by length within pools of 16 batches, cut into batches, and those shuffled."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    found = []
    for start in range(0, len(order), size * 16):
        pool = sorted(order[start : start + size * 16], key=lambda row: lengths[row])
        found += [pool[at : at + size] for at in range(0, len(pool), size)]
    rng.shuffle(found)
    return found


def held_out(labels, share, rng):
    """The same share of every label."""
    by_label = {}
    for row, label in enumerate(labels):
        by_label.setdefault(label, []).append(row)
    held = set()
    for label in sorted(by_label):
        rows = by_label[label]
        rng.shuffle(rows)
        held.update(rows[: round(len(rows) * share)])
    return held


def main():
    args = arguments()
    import safetensors.torch
    import tokenizers
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    config = json.loads((args.model / "config.json").read_text())
    encoder = build(config, args.dropout)
    weights = safetensors.torch.load_file(args.model / "model.safetensors")
    encoder.load_state_dict({name: weights[published_name(name)].float() for name in encoder.state_dict()})
    tokenizer = tokenizers.Tokenizer.from_file(str(args.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = [json.loads(line) for line in args.rows.open(encoding="utf-8")]
    rows = [row for row in rows if row.get(args.field)]
    ids = [cut(tokenizer.encode(row["prompt"]).ids, args.max_tokens) for row in rows]
    fields = [args.field] + ([args.auxiliary] if args.auxiliary else [])
    names = {field: sorted({row[field] for row in rows}) for field in fields}
    labels = {field: [names[field].index(row[field]) for row in rows] for field in fields}
    held = held_out(labels[args.field], args.holdout, rng)
    train = [row for row in range(len(rows)) if row not in held]
    heads = nn.ModuleDict({field: nn.Linear(config["hidden_size"], len(names[field])) for field in fields})
    class_weights = {}
    for field in fields:
        counts = torch.bincount(torch.tensor([labels[field][row] for row in train]), minlength=len(names[field])).float()
        root = (len(train) / (len(counts) * counts.clamp(min=1))).sqrt()
        class_weights[field] = root / (root * counts).sum() * counts.sum()

    def group(module, rate):
        plain = [p for n, p in module.named_parameters() if n.endswith("bias") or "norm" in n]
        decayed = [p for n, p in module.named_parameters() if not (n.endswith("bias") or "norm" in n)]
        return [{"params": plain, "lr": rate, "weight_decay": 0.0},
                {"params": decayed, "lr": rate, "weight_decay": args.weight_decay}]  # fmt: skip

    optimiser = torch.optim.AdamW(group(encoder, args.encoder_rate) + group(heads, args.head_rate), eps=1e-8)
    total = args.epochs * math.ceil(len(train) / args.batch)
    warm = max(1, round(total * args.warm_up))
    factor = lambda step: (step + 1) / warm if step < warm else max(0.0, (total - step) / max(1, total - warm))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    scale = config["hidden_size"] ** 0.5

    def run(chosen):
        longest = max(len(ids[row]) for row in chosen)
        padded = torch.zeros(len(chosen), longest, dtype=torch.long)
        mask = torch.zeros(len(chosen), longest)
        for at, row in enumerate(chosen):
            padded[at, : len(ids[row])] = torch.tensor(ids[row])
            mask[at, : len(ids[row])] = 1
        pooled = encoder(padded, mask)
        return pooled if args.plain_vectors else functional.normalize(pooled) * scale

    step, tokens, started = 0, 0, time.monotonic()
    seconds = []
    for _ in range(args.epochs):
        encoder.train()
        for chosen in batches([len(ids[row]) for row in train], args.batch, rng):
            chosen = [train[at] for at in chosen]
            before = time.monotonic()
            pooled = functional.dropout(run(chosen), args.dropout)
            loss = 0.0
            for field in fields:
                truth = torch.tensor([labels[field][row] for row in chosen])
                of_field = functional.cross_entropy(
                    heads[field](pooled), truth, weight=class_weights[field], label_smoothing=args.smoothing
                )
                loss = loss + of_field * (1.0 if field == args.field else args.auxiliary_weight)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*encoder.parameters(), *heads.parameters()], 1.0)
            optimiser.step()
            schedule.step()
            seconds.append(time.monotonic() - before)
            tokens += sum(len(ids[row]) for row in chosen)
            step += 1
            if args.steps and step >= args.steps:
                break
        if args.steps and step >= args.steps:
            break
    spent = time.monotonic() - started
    found = {"steps": step, "of": total, "seconds": round(spent, 2), "tokens_a_second": round(tokens / spent),
             "median_step_ms": round(sorted(seconds)[len(seconds) // 2] * 1e3, 1), "torch": torch.__version__}  # fmt: skip
    if not args.steps and held:
        encoder.eval()
        rows_held = sorted(held, key=lambda row: len(ids[row]))
        with torch.no_grad():
            said = [
                label
                for at in range(0, len(rows_held), 64)
                for label in heads[args.field](run(rows_held[at : at + 64])).argmax(1).tolist()
            ]
        truth = [labels[args.field][row] for row in rows_held]
        found["accuracy"] = round(sum(a == b for a, b in zip(said, truth)) / len(truth), 4)
        scores = []
        for label in sorted(set(truth) | set(said)):
            hits = sum(a == b == label for a, b in zip(said, truth))
            wrong = sum((a == label) != (b == label) for a, b in zip(said, truth))
            scores.append(2 * hits / max(1, 2 * hits + wrong))
        found["macro_f1"] = round(sum(scores) / len(scores), 4)
        found["held_out"] = len(truth)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
