"""The encoder beside ONNX Runtime on the same weights: one machine, one run, in turn.

    python3 -m venv target/onnxruntime && target/onnxruntime/bin/pip install onnxruntime==1.31 onnx numpy sympy
    target/onnxruntime/bin/python benches/onnxruntime/compare.py --semroute target/release/semroute --model FOLDER

ONNX Runtime gets the exported graph with all of its own optimisations; --fused also lets its transformer optimiser rewrite the graph first, and the
faster of the two counts. Batches of one of N tokens, then 32 texts of 8 to 128 tokens, which ONNX Runtime must pad. Times are medians without
tokenising, in milliseconds; the ratio is semroute's over ONNX Runtime's, the median of the rounds' ratios.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer

from export import export


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def inputs(lengths):
    ids = numpy.zeros((len(lengths), max(lengths)), numpy.int64)
    mask = numpy.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = 1000 + numpy.arange(length) * 7919 % 20000
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def time_onnx(running, lengths, seconds):
    given, times, began = inputs(lengths), [], time.perf_counter()
    for _ in range(3):
        running.run(None, given)
    while time.perf_counter() - began < seconds or len(times) < 10:
        start = time.perf_counter()
        running.run(None, given)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def time_semroute(arguments, threads, precision, extra):
    command = [arguments.semroute, "bench", "--embedder", arguments.model, "--threads", str(threads), "--precision", precision,
               "--embedder-only", "--json", "-", *extra]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def models(folder, model):
    plain, fused = folder / "plain.onnx", folder / "fused.onnx"
    heads, hidden = export(model, plain)
    optimised = optimizer.optimize_model(str(plain), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0)
    optimised.save_model_to_file(str(fused))
    print("fused by ONNX Runtime's optimiser:", {kind: count for kind, count in optimised.get_fused_operator_statistics().items() if count})
    found = {"f32": [plain, fused], "int8": []}
    for path in found["f32"]:
        target = path.with_suffix(".int8.onnx")
        quantize_dynamic(str(path), str(target), per_channel=True, weight_type=QuantType.QInt8,
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
        found["int8"].append(target)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semroute", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, nargs="*", default=[16, 32, 64, 128, 256])
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--precisions", nargs="*", default=["f32", "int8"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = models(pathlib.Path(folder), arguments.model)
        mixed = [8 + at * 37 % 121 for at in range(32)]
        for precision in arguments.precisions:
            for threads in arguments.threads:
                sessions = [session(path, threads) for path in paths[precision]]
                work = [(f"{tokens} tokens", [tokens], ["--tokens", str(tokens)]) for tokens in arguments.tokens]
                work.append((f"32 texts, {sum(mixed)} tokens", mixed, ["--tokens", ",".join(map(str, mixed))]))
                for name, lengths, extra in work:
                    ratios, ours, theirs = [], [], []
                    for _ in range(arguments.rounds):
                        theirs.append(min(time_onnx(running, lengths, 0.7) for running in sessions))
                        ours.append(time_semroute(arguments, threads, precision, extra)["embed_ms_p50"])
                        ratios.append(ours[-1] / theirs[-1])
                    rows.append({"precision": precision, "threads": threads, "work": name,
                                 "semroute_ms": round(statistics.median(ours), 3), "onnxruntime_ms": round(statistics.median(theirs), 3),
                                 "ratio": round(statistics.median(ratios), 3), "ratios": [round(ratio, 3) for ratio in ratios]})
                    print(rows[-1], flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"onnxruntime": onnxruntime.__version__, "rows": rows}, indent=1) + "\n")


main()
