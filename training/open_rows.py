#!/usr/bin/env python3
"""Labels rows of public, openly licensed sets by open_rows.toml and open_labels.jsonl, for the router's recipe.

    training/open_rows.py --rows DIR --out FILE

DIR holds the sets, one JSON object a line with "id" and "prompt"; FILE gets {"id", "prompt", "task", "complexity"} rows, in an order that
depends on nothing but them. The sets are no part of this repository, and FILE must not become one. Python's standard library is enough.
"""

import argparse
import json
import pathlib
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent


def files() -> list[str]:
    """The sets that are learnt from."""
    return list(tomllib.loads((HERE / "open_rows.toml").read_text()))


def category_of(row: dict, rules: dict) -> str | None:
    """The rule that a row falls under: its category, or what its template begins with."""
    if row.get("category"):
        return row["category"] if row["category"] in rules else None
    template = row["id"].split("/")[1]
    return next((rule for rule in rules if template.startswith(rule)), None)


def evenly(rows: list[dict], most: int) -> list[dict]:
    """So many of the rows, spread over all of them."""
    if len(rows) <= most:
        return rows
    return [rows[at * len(rows) // most] for at in range(most)]


def labelled(folder: pathlib.Path) -> list[dict]:
    by_hand = [json.loads(line) for line in (HERE / "open_labels.jsonl").read_text().splitlines()]
    by_hand = {label["id"]: label for label in by_hand}
    found = []
    for name, rules in tomllib.loads((HERE / "open_rows.toml").read_text()).items():
        rows = [json.loads(line) for line in (folder / name).read_text().split("\n") if line.strip()]
        found += [{"prompt": row["prompt"], **by_hand[row["id"]]} for row in rows if row.get("id") in by_hand]
        if not rules:
            continue
        groups: dict[tuple[str, str], list[dict]] = {}
        for row in rows:
            rule = category_of(row, rules)
            if rule is not None and rules[rule]:
                # Every template of a rule for all others is a group of its own.
                groups.setdefault((rule, rule or row["id"].split("/")[1]), []).append(row)
        for (rule, _), group in groups.items():
            task, most = rules[rule]
            for row in evenly(group, most):
                found.append({"id": row["id"], "prompt": row["prompt"], "task": task or row["task"]})
    seen = set()
    return [row for row in found if not (row["prompt"] in seen or seen.add(row["prompt"]))]


def write(folder: pathlib.Path, out: pathlib.Path) -> None:
    rows = labelled(folder)
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{out}: {len(rows)} rows", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=pathlib.Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file of labelled rows")
    options = parser.parse_args()
    missing = [name for name in files() if not (options.rows / name).is_file()]
    if missing:
        parser.error(f"--rows {options.rows}: lacks {', '.join(missing)}")
    write(options.rows, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
