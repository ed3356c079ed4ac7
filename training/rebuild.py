#!/usr/bin/env python3
"""Runs a recipe of this folder: reads NAME.toml and hands its keys to the semroute command it names.

    training/rebuild.py router [--out DIR] [--semroute BINARY]
    training/rebuild.py difficulty --rows DIR

Paths in a recipe are relative to the repository; the files of `difficulty`, which are no part of it, to --rows. Python's standard
library is enough.
"""

import argparse
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


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
    names = sorted(path.stem for path in (ROOT / "training").glob("*.toml"))
    parser.add_argument("name", choices=names)
    parser.add_argument("--out", help="instead of the recipe's own folder")
    parser.add_argument("--rows", type=pathlib.Path, help="folder of the public rows, for recipes that read some")
    parser.add_argument("--semroute", default="target/release/semroute", help="the binary (default: %(default)s)")
    options = parser.parse_args()
    recipe = tomllib.loads((ROOT / "training" / f"{options.name}.toml").read_text())
    if recipe["command"] == "fit-difficulty":
        if options.rows is None:
            parser.error(f"{options.name}: --rows DIR is needed: the folder with {', '.join(recipe['outcomes'])}")
        missing = [name for name in recipe["outcomes"] + recipe["without"] if not (options.rows / name).is_file()]
        if missing:
            parser.error(f"--rows {options.rows}: lacks {', '.join(missing)}")
        recipe["rows"] = options.rows.resolve()
    if options.out:
        recipe["out"] = options.out
    command = [options.semroute, *arguments_of(recipe)]
    print("+", " ".join(command), file=sys.stderr)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
