#!/usr/bin/env python3
"""Makes tests/reference/NAME.json: vectors of sentence-transformers that semroute's own forward pass is compared with.

    pip install sentence-transformers
    training/reference_vectors.py --model FOLDER [--name all-MiniLM-L6-v2] [--out FILE]

FOLDER is where `semroute models pull` put the model. Runs on the processor, in float32, one text a pass.
"""

import argparse
import hashlib
import json
import pathlib
import platform

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each for a reason: what the tokenizer, the length limit or the pooling could do differently.
TEXTS = {
    "short": "How do I reverse a linked list?",
    "one word": "Hello",
    "empty": "",
    "only spaces": " \t ",
    "accents": "Où se trouve la bibliothèque près de l'église Saint-Étienne à Kraków?",
    "chinese": "请把这句话翻译成英文：今天天气很好。",
    "emoji": "Thanks a lot! 🎉🚀 See you 👩‍👩‍👧 tomorrow 😀",
    "code": "fn main() {\n    let xs: Vec<u32> = (0..10).map(|x| x * x).collect();\n    println!(\"{xs:?}\");\n}",
    "upper case": "WHY IS MY ORDER STILL NOT HERE? PLEASE ANSWER TODAY!",
    "newlines": "Summarise the following notes.\n\n- budget: 40,000 EUR\r\n- start: 3 March\r\n\r\nKeep it to one sentence.",
    "numbers and signs": "Solve 3x^2 - 12x + 9 = 0, then give log10(0.001) and 17 % 5.",
    "special tokens as words": "What do [CLS], [SEP] and [MASK] stand for?",
    "around the old limit of 128": "The committee met on Tuesday to discuss the new timetable. " * 14,
    "beyond the limit of 256": "Quarterly revenue rose while shipping costs fell, and the board asked why. " * 40 + "Why?",
}


def sha256_of(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path, help="folder of the model")
    parser.add_argument("--name", default="all-MiniLM-L6-v2", help="its name (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="instead of tests/reference/NAME.json")
    options = parser.parse_args()

    # Heavy, so not before --help.
    import sentence_transformers
    import tokenizers
    import torch
    import transformers

    model = sentence_transformers.SentenceTransformer(str(options.model), device="cpu").float()
    rows = []
    for about, text in TEXTS.items():
        vector = model.encode(text, normalize_embeddings=True, convert_to_numpy=True)
        tokens = len(model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"])
        rows.append(
            {"about": about, "text": text, "tokens": tokens, "vector": [float(f"{x:.7g}") for x in vector.tolist()]}
        )
    head = {
        "model": options.name,
        "sha256": sha256_of(options.model / "model.safetensors"),
        "max_tokens": model.max_seq_length,
        "made_with": {
            "script": "training/reference_vectors.py",
            "python": platform.python_version(),
            "sentence-transformers": sentence_transformers.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "torch": torch.__version__,
        },
    }
    # One row a line: a change of one text is a change of one line.
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    body = ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in rows)
    out = options.out or ROOT / "tests" / "reference" / f"{options.name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("{\n" + "\n".join(lines) + '\n  "rows": [\n' + body + "\n  ]\n}\n")
    print(f"wrote {out}: {len(rows)} vectors of {len(rows[0]['vector'])} components")


if __name__ == "__main__":
    main()
