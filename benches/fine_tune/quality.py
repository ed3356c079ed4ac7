#!/usr/bin/env python3
"""Quality of models: an encoder fine-tuned on outcomes beside frozen vectors, on the same held-out rows.

    benches/fine_tune/quality.py --rows ROWS.jsonl [--with OTHER.jsonl ...] [--semroute target/release/semroute]
                                 [--splits 5 | --folds 5] [--work DIR] [-- --epochs 2 --encoder-rate 5e-5 ...]

Deals the rows into held-out fifths: five random ones by seed, or with `--folds` five that hold every row once. On the rest, with the rows of `--with`
added, it trains twice, `semroute train --outcomes` and `semroute train --fine-tune --outcomes` (with whatever stands after `--`), and lets
`semroute evaluate` measure both on the fifth. Rows of the same question stay together, whatever options it offers, and rows of `--with` that ask a held-out
question are left out unless `--keep-repeats` wants them: of MMLU's questions many are MMLU-Pro's too, with more options.

Prints a line of JSON for each split, then each figure's mean with its 95% confidence interval (Student's t over the splits; random fifths share
rows, so that theirs is too narrow, if anything), and the mean difference of the two with its own. Figures: APGR where the rows score two
models, AIQ and the cost at 95% of the best model's quality where they tell costs. With `--work` every split's report is kept and a second
run goes on where the first was cut off (give another folder after another build).
"""

import argparse
import json
import math
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

# 97.5% quantiles of Student's t by degrees of freedom; beyond, the normal distribution's.
STUDENT = [math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
NORMAL = 1.960
# Lines that are no part of a question: an option, and where the answer is to stand.
NO_QUESTION = re.compile(r"\s*(\(?[a-j][.):]|answer\s*:?\s*$)")


def arguments():
    own, passed = sys.argv[1:], []
    if "--" in own:
        own, passed = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=pathlib.Path, required=True, help="outcome rows to split")
    parser.add_argument("--with", type=pathlib.Path, nargs="*", default=[], dest="others", help="rows that are always learnt from")
    parser.add_argument("--semroute", type=pathlib.Path, default=pathlib.Path("target/release/semroute"))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--folds", type=int, default=None, help="as many disjoint parts instead of random fifths")
    parser.add_argument("--held-out", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=pathlib.Path, default=None, help="keep reports and artifacts here")
    parser.add_argument("--keep-repeats", action="store_true", help="learn from rows of --with that ask a held-out question")
    parser.add_argument("--only", choices=["frozen", "fine_tuned"], default=None)
    given = parser.parse_args(own)
    given.semroute = given.semroute.resolve()
    if not given.semroute.is_file():
        parser.error(f"--semroute {given.semroute}: no such file; cargo build --release makes it")
    if not 0.0 < given.held_out < 1.0:
        parser.error("--held-out: a share between 0 and 1 is needed")
    return given, passed


def lines(path):
    # Not splitlines(): a string of JSON may hold U+2028.
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def question_of(line):
    """What makes a row the same question as another: its letters and digits, without the options of a choice."""
    row = json.loads(line)
    text = row.get("prompt")
    text = text if isinstance(text, str) else json.dumps(row.get("messages"))
    stem = [line for line in text.lower().split("\n") if not NO_QUESTION.match(line)]
    return "".join(letter for letter in "".join(stem) if letter.isalnum()) or text


def held_out_questions(questions, given):
    """The questions that each split holds out."""
    questions = sorted(set(questions))
    if given.folds is not None:
        random.Random(given.seed).shuffle(questions)
        return [set(questions[fold :: given.folds]) for fold in range(given.folds)]
    most = max(1, round(len(questions) * given.held_out))
    return [set(random.Random(given.seed + split).sample(questions, most)) for split in range(given.splits)]


def run(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return done.stdout


def figures_of(report):
    outcomes = report["outcomes"]
    two, many = outcomes.get("two_model") or {}, outcomes.get("many_model") or {}
    found = {"apgr": (two.get("router") or {}).get("apgr")}
    for name in ("aiq", "cost_share_at_95"):
        found[name] = (many.get("router") or {}).get(name)
    briers = [model["brier"] for model in outcomes["predicted_quality"]]
    found["brier"] = sum(briers) / len(briers) if briers else None
    return {name: figure for name, figure in found.items() if figure is not None}


def measure(kind, folder, given, passed):
    """Figures of one training on one split; those of a run before where its report is there."""
    report = folder / f"{kind}.json"
    if not report.exists():
        begun = time.monotonic()
        out = folder / kind
        train = [given.semroute, "train", "--outcomes", folder / "learnt.jsonl", "--out", out, "--seed", given.seed]
        if kind == "fine_tuned":
            train += ["--fine-tune", "--checkpoint", folder / "run.safetensors", "--resume", *passed]
        run(train)
        seconds = time.monotonic() - begun
        found = json.loads(run([given.semroute, "evaluate", "--router", out, "--outcomes", folder / "held_out.jsonl", "--json", "-"]))
        card = json.loads((out / "router.json").read_text(encoding="utf-8"))["card"]["metrics"]
        told = {"seconds": round(seconds, 1), "network": card.get("quality_network"), "figures": figures_of(found)}
        # Whole or not at all: a report that is there is taken for done.
        fresh = report.with_suffix(".fresh")
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.rename(report)
    return json.loads(report.read_text(encoding="utf-8"))


def interval(figures):
    count = len(figures)
    mean = sum(figures) / count
    if count < 2:
        return {"mean": round(mean, 4), "interval": None}
    deviation = math.sqrt(sum((figure - mean) ** 2 for figure in figures) / (count - 1))
    width = (STUDENT[count - 1] if count - 1 < len(STUDENT) else NORMAL) * deviation / math.sqrt(count)
    return {"mean": round(mean, 4), "interval": [round(mean - width, 4), round(mean + width, 4)]}


def main():
    given, passed = arguments()
    kinds = [given.only] if given.only else ["frozen", "fine_tuned"]
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or pathlib.Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        settings = json.dumps(
            [str(given.rows), [str(other) for other in given.others], given.splits, given.folds, given.held_out, given.seed, given.keep_repeats, passed]
        )
        remembered = work / "settings.json"
        if remembered.exists() and remembered.read_text(encoding="utf-8") != settings:
            sys.exit(f"{work} holds a run with other settings; give another folder, or delete it")
        remembered.write_text(settings, encoding="utf-8")

        rows = [(question_of(line), line) for line in lines(given.rows)]
        others = [(question_of(line), line) for other in given.others for line in lines(other)]
        all_figures = {kind: [] for kind in kinds}
        for split, held_out in enumerate(held_out_questions([question for question, _ in rows], given)):
            folder = work / f"split{split}"
            folder.mkdir(exist_ok=True)
            learnt = [line for question, line in rows if question not in held_out]
            learnt += [line for question, line in others if given.keep_repeats or question not in held_out]
            measured = [line for question, line in rows if question in held_out]
            for name, chosen in (("learnt", learnt), ("held_out", measured)):
                (folder / f"{name}.jsonl").write_text("\n".join(chosen) + "\n", encoding="utf-8")
            told = {"split": split, "rows_learnt": len(learnt), "rows_held_out": len(measured)}
            for kind in kinds:
                told[kind] = measure(kind, folder, given, passed)
                all_figures[kind].append(told[kind]["figures"])
            print(json.dumps(told), flush=True)

    summary = {}
    names = sorted({name for kind in kinds for figures in all_figures[kind] for name in figures})
    for name in names:
        of_kind = {kind: [figures.get(name) for figures in all_figures[kind]] for kind in kinds}
        whole = {kind: figures for kind, figures in of_kind.items() if None not in figures}
        summary[name] = {kind: interval(figures) for kind, figures in whole.items()}
        if len(whole) == 2:
            gained = [tuned - frozen for frozen, tuned in zip(whole["frozen"], whole["fine_tuned"])]
            summary[name]["fine_tuned_less_frozen"] = interval(gained)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
