#!/usr/bin/env python3
"""Makes tests/fixtures/transformers/: three tiny models with random weights, and sentence-transformers' vectors of them.

    pip install sentence-transformers sentencepiece protobuf
    training/tiny_transformers.py

The vocabularies are trained on `sentences.txt` there, the vectors are of the texts in `texts.json`. Each folder is laid
out as one kind of real multilingual model is, so that semroute's own forward pass can be compared without a download.
Runs on the processor, in float32; the weights are rounded to half precision first, which halves the files and changes
no comparison.
"""

import base64
import hashlib
import json
import pathlib
import platform
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "fixtures" / "transformers"
SENTENCES = OUT / "sentences.txt"
SEED = 20240917
DIMS, LAYERS, HEADS, INTERMEDIATE, POSITIONS = 32, 2, 4, 48, 40
SPECIAL = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}

# Characters that the vocabulary's own normalizer replaces, as the large vocabularies do for all of Unicode.
NORMALIZATION = {
    **{code: [0x20] for code in (0x09, 0x0A, 0x0D, 0xA0, 0x3000)},
    **{0xFF21 + letter: [0x41 + letter] for letter in range(26)},
    0xFF01: [0x21], 0xFF1F: [0x3F], 0xFB01: [0x66, 0x69],
}  # fmt: skip


def added_token(index: int, content: str) -> dict:
    return {"id": index, "content": content, "single_word": False, "lstrip": content == "<mask>", "rstrip": False,
            "normalized": False, "special": True}  # fmt: skip


def train_unigram(pieces: int) -> tuple[list, bytes]:
    """Pieces with scores in the order of the XLM-R vocabulary, and the compiled normalizer."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.tsv"
        in_hex = lambda codes: " ".join(f"{code:X}" for code in codes)  # noqa: E731
        rules.write_text("".join(f"{code:X}\t{in_hex(to)}\n" for code, to in sorted(NORMALIZATION.items())))
        prefix = pathlib.Path(folder) / "unigram"
        sentencepiece.SentencePieceTrainer.train(
            input=str(SENTENCES), model_prefix=str(prefix), vocab_size=pieces, model_type="unigram",
            character_coverage=0.9995, normalization_rule_tsv=str(rules), num_threads=1, minloglevel=1,
        )  # fmt: skip
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(prefix.with_suffix(".model").read_bytes())
    # <unk>, <s> and </s> come first there; XLM-R has them, with <pad>, in an order of its own and <mask> at the end.
    learnt = [[piece.piece, round(piece.score, 6)] for piece in model.pieces[3:]]
    first = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    return first + learnt + [["<mask>", 0.0]], model.normalizer_spec.precompiled_charsmap


def unigram_tokenizer(vocabulary: list, charsmap: bytes, old_layout: bool) -> dict:
    """A tokenizer.json as XLM-R vocabularies have it: as converted years ago, or as converted today."""
    index = {piece: at for at, (piece, _) in enumerate(vocabulary)}
    precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    if old_layout:
        metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
        normalizer, pre_tokenizer = (
            precompiled,
            {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        )
    else:
        squeeze = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
        normalizer = {"type": "Sequence", "normalizers": [precompiled, squeeze]}
        metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        pre_tokenizer = metaspace
    piece = lambda token: {"SpecialToken": {"id": token, "type_id": 0}}  # noqa: E731
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        # Both are in the way, as in files in the wild: semroute decides length and padding by itself.
        "truncation": {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1,
                    "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": [added_token(index[token], token) for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("<s>"), text, piece("</s>")],
            "pair": [piece("<s>"), text, piece("</s>"), {"Sequence": {"id": "B", "type_id": 0}}, piece("</s>")],
            "special_tokens": {
                token: {"id": token, "ids": [index[token]], "tokens": [token]} for token in ("<s>", "</s>")
            },
        },
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": index["<unk>"], "vocab": vocabulary, "byte_fallback": False},
    }  # fmt: skip


def byte_level_tokenizer(tokens: int) -> dict:
    """RoBERTa's own kind of vocabulary: byte pairs."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=tokens, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train([str(SENTENCES)], trainer)
    processor = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True}
    return {**json.loads(tokenizer.to_str()), "post_processor": {**processor, "add_prefix_space": False}}


def make_model(config, model_class, folder: pathlib.Path, seed: int) -> None:
    """Random weights, loud enough that texts differ and every tensor counts."""
    import safetensors.torch
    import torch

    random = torch.Generator().manual_seed(seed)
    model = model_class(config, add_pooling_layer=False)
    tensors = {}
    for name, tensor in model.state_dict().items():
        noise = torch.randn(tensor.shape, generator=random)
        if name.endswith("LayerNorm.weight"):
            tensors[name] = 1.0 + 0.1 * noise
        elif name.endswith("word_embeddings.weight"):
            tensors[name] = noise
        else:
            # Quiet biases: they are the same for every text.
            tensors[name] = (0.05 if name.endswith("bias") else 0.3) * noise
    halves = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    safetensors.torch.save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    write(folder / "config.json", {**config.to_dict(), "architectures": [model_class.__name__]})


def write(path: pathlib.Path, value, indent: int | None = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def make_folders() -> None:
    import transformers

    sizes = {"hidden_size": DIMS, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
             "intermediate_size": INTERMEDIATE, "initializer_range": 0.02}  # fmt: skip
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    vocabulary, charsmap = train_unigram(440)
    tokenizer_config = {"tokenizer_class": "PreTrainedTokenizerFast", **SPECIAL}

    # As multilingual-e5-small: BERT with an XLM-R vocabulary, more rows than tokens, padding told otherwise by both.
    folder = OUT / "bert-xlmr-vocabulary"
    folder.mkdir(exist_ok=True)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary) + 7, max_position_embeddings=POSITIONS, type_vocab_size=2, pad_token_id=0, **sizes
    )
    make_model(config, transformers.BertModel, folder, SEED)
    write(folder / "tokenizer.json", unigram_tokenizer(vocabulary, charsmap, old_layout=True), indent=None)
    write(folder / "tokenizer_config.json", {**tokenizer_config, "model_max_length": 512})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 36, "do_lower_case": False})
    write(folder / "1_Pooling" / "config.json", {
        "word_embedding_dimension": DIMS, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False,
    })  # fmt: skip
    write(folder / "modules.json", modules)
    write(folder / "config_sentence_transformers.json", {
        "prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    })  # fmt: skip

    # As paraphrase-multilingual-mpnet-base-v2 and multilingual-e5-base: XLM-R, positions counted from behind the padding id.
    folder = OUT / "xlm-roberta"
    folder.mkdir(exist_ok=True)
    config = transformers.XLMRobertaConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=POSITIONS + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        **sizes,
    )
    make_model(config, transformers.XLMRobertaModel, folder, SEED + 1)
    write(folder / "tokenizer.json", unigram_tokenizer(vocabulary, charsmap, old_layout=False), indent=None)
    write(folder / "tokenizer_config.json", {**tokenizer_config, "model_max_length": 512})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    # The notation of today's sentence-transformers.
    pooling = {"embedding_dimension": DIMS, "pooling_mode": "mean", "include_prompt": True}
    write(folder / "1_Pooling" / "config.json", pooling)
    write(folder / "modules.json", modules[:2])

    # As a bare RoBERTa checkpoint: byte pairs, no word about pooling or length.
    folder = OUT / "roberta"
    folder.mkdir(exist_ok=True)
    tokenizer = byte_level_tokenizer(330)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer["model"]["vocab"]), max_position_embeddings=POSITIONS + 2, type_vocab_size=1,
        layer_norm_eps=1e-5, **sizes,
    )  # fmt: skip
    make_model(config, transformers.RobertaModel, folder, SEED + 2)
    write(folder / "tokenizer.json", tokenizer, indent=None)
    write(folder / "tokenizer_config.json", {**tokenizer_config, "model_max_length": POSITIONS})


def rounded(vectors) -> list:
    return [[float(f"{x:.7g}") for x in vector.tolist()] for vector in vectors]


def reference(folder: pathlib.Path, texts: dict[str, str], prompt_name: str | None) -> dict:
    """Vectors of every text by itself and of all in one padded batch, and for XLM-R by the other poolings too."""
    import sentence_transformers
    import tokenizers
    from sentence_transformers.models import Pooling

    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu").float()
    prompt = model.prompts.get(prompt_name or "", "")
    options = {"prompt": prompt, "normalize_embeddings": True, "convert_to_numpy": True}
    plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain.no_padding()
    plain.enable_truncation(model.max_seq_length)
    counts = []
    for text in texts.values():
        ids = model.tokenizer(prompt + text, truncation=True, max_length=model.max_seq_length)["input_ids"]
        assert ids == plain.encode(prompt + text).ids, f"{folder.name}: the tokenizer was not read as it is: {text!r}"
        counts.append(len(ids))
    single = rounded([model.encode(text, **options) for text in texts.values()])
    batched = rounded(model.encode(list(texts.values()), batch_size=len(texts), **options))
    rows = [
        {"about": about, "tokens": count, "vector": vector, "in_batch": in_batch}
        for about, count, vector, in_batch in zip(texts, counts, single, batched)
    ]
    found = {"max_tokens": model.max_seq_length, "sha256": sha256_of(folder / "model.safetensors"), "rows": rows}
    for mode in ("cls", "max") if folder.name == "xlm-roberta" else ():
        model[1] = Pooling(DIMS, pooling_mode=mode)
        vectors = rounded(model.encode(list(texts.values()), batch_size=len(texts), **options))
        found[mode] = [{"about": about, "vector": vector} for about, vector in zip(texts, vectors)]
    return found


def sha256_of(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    # Heavy, so not before somebody runs it.
    import sentence_transformers
    import sentencepiece
    import tokenizers
    import torch
    import transformers

    make_folders()
    texts = json.loads((OUT / "texts.json").read_text())
    made_with = {"script": "training/tiny_transformers.py", "python": platform.python_version()}
    for module in (sentence_transformers, transformers, tokenizers, torch, sentencepiece):
        made_with[module.__name__] = module.__version__
    models = {"bert-xlmr-vocabulary": "query", "xlm-roberta": None, "roberta": None}
    found = {
        "made_with": made_with,
        "models": {name: reference(OUT / name, texts, prompt) for name, prompt in models.items()},
    }
    (OUT / "reference.json").write_text(one_row_a_line(found))
    total = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"wrote {OUT}: {total} bytes")


def one_row_a_line(found: dict) -> str:
    """So that a change of one text is a change of one line."""
    models = []
    for name, model in found["models"].items():
        fields = []
        for key, value in model.items():
            lines = [json.dumps(row, ensure_ascii=False) for row in value] if isinstance(value, list) else None
            shown = "[\n" + ",\n".join("   " + line for line in lines) + "\n  ]" if lines else json.dumps(value)
            fields.append(f"  {json.dumps(key)}: {shown}")
        models.append(f" {json.dumps(name)}: {{\n" + ",\n".join(fields) + "\n }")
    return '{"made_with": ' + json.dumps(found["made_with"]) + ',\n"models": {\n' + ",\n".join(models) + "\n}}\n"


if __name__ == "__main__":
    main()
