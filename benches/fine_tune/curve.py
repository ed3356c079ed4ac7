#!/usr/bin/env python3
"""How many labelled rows fine-tuning needs: accuracy by rows, beside heads over encoders that stay as they are.

    benches/fine_tune/curve.py --rows FILE.jsonl --out curve.json --svg curve.svg [--sizes 50,100,200,400,800,all] [-- --auxiliary-field category]

Holds the same share of every label out, trains `semroute train --fine-tune` on growing parts of the rest, each within the next, and measures every router on
the rows held out. What stands after `--` is handed to every fine-tuning. The JSON is written after every training, and sizes that stand there already, from the
same settings, are not trained again. Needs Python's own library only.
"""

import argparse
import hashlib
import json
import math
import pathlib
import random
import subprocess
import tempfile
import time

TUNED = "fine-tuned"
WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 190, 40, 54
COLOURS = {"light": ["#0b62c4", "#b3541e", "#3f7d20", "#7a3b9c"], "dark": ["#6fb1ff", "#ffab73", "#9bdb78", "#d6a3f2"]}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semroute", default="semroute", help="the program")
    parser.add_argument("--rows", type=pathlib.Path, required=True, help='label rows with "prompt" or "messages"')
    parser.add_argument("--field", default="task")
    parser.add_argument("--embedder", default="all-MiniLM-L6-v2", help="what fine-tuning begins from")
    parser.add_argument("--frozen", nargs="*", default=["builtin", "all-MiniLM-L6-v2"], help="embedders of the heads to compare with")
    parser.add_argument("--sizes", default="50,100,200,400,800,all")
    parser.add_argument("--holdout", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("more", nargs="*", help="flags for every fine-tuning, after --")
    return parser.parse_args()


def read(path, field):
    """Labels with their rows in the order of the file; a label with few rows can be neither learnt nor measured."""
    by_label = {}
    # Not splitlines(): a string of JSON may hold U+2028.
    for line in path.read_text(encoding="utf-8").split("\n"):
        row = json.loads(line) if line.strip() else {}
        if row.get(field):
            by_label.setdefault(str(row[field]), []).append(row)
    few = sorted(label for label, rows in by_label.items() if len(rows) < 4)
    if few:
        print(f"left out, fewer than 4 rows: {', '.join(few)}")
    return {label: rows for label, rows in sorted(by_label.items()) if label not in few}


def split(by_label, share, seed):
    """Rows to learn from, label by label in shuffled order, and rows to measure on."""
    chance = random.Random(seed)
    learnt, held = {}, []
    for label, rows in by_label.items():
        rows = list(rows)
        chance.shuffle(rows)
        cut = min(len(rows) - 2, max(1, round(len(rows) * share)))
        held += rows[:cut]
        learnt[label] = rows[cut:]
    return learnt, held


def part(learnt, size):
    """The first rows of every label, by its share and two at least; smaller parts lie within larger ones. None where so few rows cannot hold two of each."""
    total = sum(map(len, learnt.values()))
    if size >= total:
        return [row for rows in learnt.values() for row in rows]
    if size < 2 * len(learnt):
        return None
    counts = {label: min(2, len(rows)) for label, rows in learnt.items()}
    while sum(counts.values()) < size:
        # The label that is farthest below its share.
        open_labels = [label for label in learnt if counts[label] < len(learnt[label])]
        next_size = sum(counts.values()) + 1
        label = max(open_labels, key=lambda label: (len(learnt[label]) / total * next_size - counts[label], label))
        counts[label] += 1
    return [row for label, rows in learnt.items() for row in rows[: counts[label]]]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def measure(args, folder, name, embedder, more):
    """Trains on the part and measures on the rows held out."""
    out, report = folder / "router", folder / "report.json"
    started = time.monotonic()
    train = [args.semroute, "train", "--labels", folder / "part.jsonl", "--out", out, "--embedder", embedder]
    run([*train, "--label-field", args.field, "--seed", str(args.seed), *more])
    seconds = time.monotonic() - started
    evaluate = [args.semroute, "evaluate", "--router", out, "--labels", folder / "held.jsonl", "--label-field", args.field]
    run([*evaluate, "--json", report])
    found = json.loads(report.read_text(encoding="utf-8"))["task"]
    scores = found.get("scores", found)
    return {"learner": name, "accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"], "seconds": round(seconds, 1)}


def main():
    args = arguments()
    learnt, held = split(read(args.rows, args.field), args.holdout, args.seed)
    total = sum(map(len, learnt.values()))
    settings = {
        "rows": hashlib.sha256(args.rows.read_bytes()).hexdigest(), "file": args.rows.name, "field": args.field, "embedder": pathlib.Path(args.embedder).name,
        "frozen": [pathlib.Path(name).name for name in args.frozen], "holdout": args.holdout, "seed": args.seed, "more": args.more,
    }  # fmt: skip
    points = []
    if args.out.exists():
        before = json.loads(args.out.read_text(encoding="utf-8"))
        if before.get("settings") != settings:
            raise SystemExit(f"{args.out} holds a curve of other settings; name another file, or delete it")
        points = before["points"]
    for size in args.sizes.split(","):
        size = total if size == "all" else min(int(size), total)
        if any(point["rows"] == size for point in points):
            continue
        rows = part(learnt, size)
        if rows is None:
            print(f"{size} rows: not two of each of the {len(learnt)} labels; left out")
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            write_rows(folder / "part.jsonl", rows)
            write_rows(folder / "held.jsonl", held)
            tuned = measure(args, folder, TUNED, args.embedder, ["--fine-tune", *args.more])
            frozen = [measure(args, folder, pathlib.Path(name).name, name, []) for name in args.frozen]
        points.append({"rows": size, "learners": [tuned, *frozen]})
        points.sort(key=lambda point: point["rows"])
        found = {"settings": settings, "held_out": len(held), "labels": len(learnt), "points": points}
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{size} rows: " + ", ".join(f"{one['learner']} {one['accuracy']:.3f}" for one in points[[p['rows'] for p in points].index(size)]["learners"]), flush=True)
    if args.svg and points:
        args.svg.write_text(draw(json.loads(args.out.read_text(encoding="utf-8"))), encoding="utf-8")


def draw(found):
    """The curve as SVG whose colours follow the reader's."""
    points = found["points"]
    names = [one["learner"] for one in points[0]["learners"]]
    values = [one["accuracy"] for point in points for one in point["learners"]]
    low, high = math.floor(min(values) * 20 - 0.2) / 20, min(1.0, math.ceil(max(values) * 20 + 0.2) / 20)
    first, last = math.log(points[0]["rows"]), math.log(points[-1]["rows"])

    def x(rows):
        share = (math.log(rows) - first) / (last - first) if last > first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(accuracy):
        return TOP + (high - accuracy) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def theme(name, ink, faint):
        lines = "".join(f".s{at}{{stroke:{colour}}}.t{at}{{fill:{colour}}}" for at, colour in enumerate(COLOURS[name]))
        return f"text{{fill:{ink}}}.grid{{stroke:{faint}}}{lines}"

    escape = lambda text: text.replace("&", "&amp;").replace("<", "&lt;")  # noqa: E731
    style = (
        "text{font:13px sans-serif}.grid{stroke-width:1}.line{fill:none;stroke-width:2.5}.dot{stroke:none}"
        + theme("light", "#222", "#ddd") + "@media (prefers-color-scheme: dark){" + theme("dark", "#e6e6e6", "#444") + "}"
    )  # fmt: skip
    title = f"Accuracy by labelled rows: {found['settings']['file']}, {found['labels']} labels, {found['held_out']} rows held out"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{style}</style>",
        f'<text x="{LEFT}" y="20">{escape(title)}</text>',
    ]
    steps = max(1, round((high - low) / 0.05))
    for step in range(steps + 1):
        accuracy = low + (high - low) * step / steps
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(accuracy):.1f}" y2="{y(accuracy):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(accuracy) + 4:.1f}" text-anchor="end">{accuracy:.2f}</text>')
    for point in points:
        parts.append(f'<text x="{x(point["rows"]):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{point["rows"]}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">labelled rows (logarithmic)</text>')
    ends = sorted((y(points[-1]["learners"][at]["accuracy"]), at) for at in range(len(names)))
    above = -math.inf
    for end, at in ends:
        corners = " ".join(f'{x(point["rows"]):.1f},{y(point["learners"][at]["accuracy"]):.1f}' for point in points)
        colour = at % len(COLOURS["light"])
        parts.append(f'<polyline class="line s{colour}" points="{corners}"/>')
        for point in points:
            parts.append(f'<circle class="dot t{colour}" cx="{x(point["rows"]):.1f}" cy="{y(point["learners"][at]["accuracy"]):.1f}" r="3.5"/>')
        # Names of lines that end near each other stand one below the other.
        above = max(end, above + 16)
        best = points[-1]["learners"][at]["accuracy"]
        parts.append(f'<text class="t{colour}" x="{WIDTH - RIGHT + 10}" y="{above + 4:.1f}">{escape(names[at])} {best:.3f}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
