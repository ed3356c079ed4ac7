#!/usr/bin/env python3
"""Runs a recipe of this folder: reads NAME.toml and hands its keys to the semroute command it names.

    training/rebuild.py static-table [--out DIR] [--semroute BINARY]
    training/rebuild.py router --rows DIR
    training/rebuild.py difficulty --rows DIR

Paths in a recipe are relative to the repository; public files, which are no part of it, to --rows. Python's standard library is enough.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import open_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Keys that name public files.
PUBLIC = ("outcomes", "without", "unlabelled")


def arguments_of(recipe: dict) -> list[str]:
    arguments = [recipe.pop("command")]
    for key, value in recipe.items():
        if value is False:
            continue
        values = [] if value is True else value if isinstance(value, list) else [value]
        arguments += [f"--{key}", *map(str, values)]
    return arguments


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.stem for path in (ROOT / "training").glob("*.toml") if path.stem != "open_rows")
    parser.add_argument("name", choices=names)
    parser.add_argument("--out", help="instead of the recipe's own folder")
    parser.add_argument("--rows", type=pathlib.Path, help="folder of the public rows, for recipes that read some")
    parser.add_argument("--semroute", default="target/release/semroute", help="the binary (default: %(default)s)")
    options = parser.parse_args()
    recipe = tomllib.loads((ROOT / "training" / f"{options.name}.toml").read_text())
    public = [name for key in PUBLIC for name in recipe.get(key, [])]
    if public and options.rows is None:
        parser.error(f"{options.name}: --rows DIR is needed: the folder with {', '.join(public)}")
    missing = [name for name in public if not (options.rows / name).is_file()]
    if missing:
        parser.error(f"--rows {options.rows}: lacks {', '.join(missing)}")
    if options.out:
        recipe["out"] = options.out
    with tempfile.TemporaryDirectory() as made:
        if recipe["command"] == "fit-difficulty":
            recipe["rows"] = options.rows.resolve()
        elif public:
            [name] = recipe["extra-labels"]
            labelled = pathlib.Path(made) / name
            open_rows.write(options.rows, labelled)
            recipe["extra-labels"] = [labelled]
            recipe["unlabelled"] = [options.rows.resolve() / name for name in recipe["unlabelled"]]
        command = [options.semroute, *arguments_of(recipe)]
        print("+", " ".join(command), file=sys.stderr)
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
