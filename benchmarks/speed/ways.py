"""The ways to serve the network that are compared: each a process of its own.

    python benchmarks/speed/ways.py WAY MODELS        (on Linux)

So no way's threads disturb another's, and memory is its own. A way reads requests from
stdin and answers to stdout, a line of JSON each: {"files": [...], "job": NAME} gives
seconds, and the probabilities of pneumonia that were found.

`image`: from each file to its probabilities, and what else the way gives at no cost; of
ours the heatmap, too. `network`: the network alone, on inputs that are ready.
`folder`: all files, as the way's own guide does many. `stages`, `bare`: of ours alone.
"""

import contextlib
import functools
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FLOAT32, LITERT = "float32", "litert.tflite"  # in the folder of MODELS
CORES = os.cpu_count() or 1
BATCH = 32  # Keras's default
IS_USUAL = sys.platform == "linux" and platform.machine() == "x86_64"
TENSORFLOW = "tensorflow-cpu" if IS_USUAL else "tensorflow"  # as requirements.txt


class Ours:
    """The package, as it is; with another model folder, the same pipeline on that."""

    packages = ("onnxruntime", "pillow", "numpy")
    folder = ""  # within MODELS; empty: the bundled model

    def __init__(self, models: Path):
        from pneumonia import load_predictor
        from pneumonia.hub import BUNDLED

        self.model = models / self.folder if self.folder else BUNDLED
        self.predictor = load_predictor(self.model)

    def answer(self, path: str) -> float:
        prediction = self.predictor(path)
        assert prediction.cam.shape == prediction.image.shape
        return prediction.probabilities["PNEUMONIA"]

    def inputs(self, path: str) -> Any:
        from pneumonia.imaging import load_image
        from pneumonia.inference.preprocessing import preprocess

        return preprocess(
            load_image(path), self.predictor.config, self.predictor.finder
        )[None]

    def network(self, inputs: Any) -> None:
        self.predictor.runtime(inputs)

    def folder_of(self, paths: list[str]) -> list[float]:
        """As `python -m pneumonia batch` does it."""
        from pneumonia.batch.rows import answer_all
        from pneumonia.imaging.files import find_files

        rows = answer_all(find_files(paths), self.narrow)
        return [row["PNEUMONIA"] for row in rows]

    @functools.cached_property
    def narrow(self) -> Any:
        from pneumonia import load_predictor

        return load_predictor(self.model, threads=1)

    def bare(self, paths: list[str]) -> None:
        """The network on as many ready inputs, in the manner of `folder_of`."""
        inputs = self.inputs(paths[0])
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(lambda _: self.narrow.runtime(inputs), paths))

    def stages(self, path: str) -> dict[str, float]:
        """Seconds of each step of an answer."""
        from pneumonia.config import NORMAL, PNEUMONIA
        from pneumonia.imaging import read_image
        from pneumonia.inference.cam import log_odds_map, overlay, resize_map
        from pneumonia.inference.preprocessing import look_at

        predictor, config = self.predictor, self.predictor.config
        spans: list[float] = []
        with _timed(spans):
            reading = read_image(path)
            image, colour = reading.image, reading.colour
        with _timed(spans):
            view = look_at(image, config, predictor.finder)
        with _timed(spans):
            outputs = predictor.runtime(view.inputs[None])
        with _timed(spans):
            predictor.gate.judge(view, outputs.pre_logits[0], colour)
        findings = (config.classes_of(finding) for finding in (PNEUMONIA, NORMAL))
        with _timed(spans):
            cam_grid = log_odds_map(outputs.logits_2d[0], *findings)
            cam = resize_map(cam_grid, image.shape, view.crop)
        with _timed(spans):
            overlay(image, cam, config.cam_limit)
        names = ("read", "find the lungs", "run", "gate", "map", "overlay")
        return dict(zip(names, spans, strict=True))


class Float32(Ours):
    """The same pipeline on a float32 graph."""

    folder = FLOAT32


class Plain:
    """Read as Keras's guides do, then the network."""

    def __init__(self, models: Path):
        config = json.loads((models / FLOAT32 / "config.json").read_text())
        self.side, self.temperature = config["image_size"], config["temperature"]

    def answer(self, path: str) -> float:
        return self.probability(self.network(self.inputs(path))[0])

    def inputs(self, path: str) -> Any:
        import numpy as np
        from PIL import Image

        with Image.open(path) as image:
            size, filter = (self.side, self.side), Image.Resampling.BILINEAR
            small = image.convert("RGB").resize(size, filter)
        return (np.asarray(small, np.float32) / 127.5 - 1)[None]

    def folder_of(self, paths: list[str]) -> list[float]:
        return [self.answer(path) for path in paths]

    def probability(self, logits: Any) -> float:
        """Softmax of one row of logits; what is not the first class, NORMAL."""
        import numpy as np

        odds = np.exp(logits / self.temperature)
        return float(1 - odds[0] / odds.sum())


class KerasPredict(Plain):
    packages = (TENSORFLOW, "keras", "pillow")

    def __init__(self, models: Path):
        from pneumonia.config import WEIGHTS_FILE, ModelConfig
        from pneumonia.hub import BUNDLED
        from pneumonia.training.model import build_model, load_weights

        super().__init__(models)
        names = ModelConfig.load(BUNDLED).class_names
        self.model = build_model(names, self.side)
        load_weights(self.model, BUNDLED / WEIGHTS_FILE)

    def inputs(self, path: str) -> Any:
        import keras

        image = keras.utils.load_img(
            path, target_size=(self.side, self.side), interpolation="bilinear"
        )
        return keras.utils.img_to_array(image)[None] / 127.5 - 1

    def network(self, inputs: Any) -> Any:
        return self.model.predict(inputs, verbose=0)["logits"]

    def folder_of(self, paths: list[str]) -> list[float]:
        import numpy as np

        found = []
        for start in range(0, len(paths), BATCH):
            inputs = [self.inputs(path) for path in paths[start : start + BATCH]]
            found += map(self.probability, self.network(np.concatenate(inputs)))
        return found


class KerasFunction(KerasPredict):
    def __init__(self, models: Path):
        import tensorflow

        super().__init__(models)
        self.function = tensorflow.function(self.model, jit_compile=False)

    def network(self, inputs: Any) -> Any:
        return self.function(inputs, training=False)["logits"].numpy()


class LiteRT(Plain):
    packages = ("ai-edge-litert", "pillow", "numpy")

    def __init__(self, models: Path):
        from ai_edge_litert.interpreter import Interpreter

        super().__init__(models)
        interpreter = Interpreter(str(models / LITERT), num_threads=CORES)
        self.run = interpreter.get_signature_runner()
        (self.name,) = self.run.get_input_details()

    def network(self, inputs: Any) -> Any:
        return self.run(**{self.name: inputs})["logits"]


class OpenVINO(Plain):
    packages = ("openvino", "pillow", "numpy")
    graph = f"{FLOAT32}/model.onnx"

    def __init__(self, models: Path):
        import openvino

        super().__init__(models)
        # its default on this kind of processor is bfloat16, another answer
        self.compile = lambda hint: openvino.Core().compile_model(
            models / self.graph,
            "CPU",
            {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": hint},
        )
        self.run = self.compile("LATENCY").create_infer_request()

    def network(self, inputs: Any) -> Any:
        return self.run.infer({"inputs": inputs})["logits"]

    @functools.cached_property
    def queue(self) -> Any:
        import openvino

        return openvino.AsyncInferQueue(self.compile("THROUGHPUT"))

    def folder_of(self, paths: list[str]) -> list[float]:
        found = dict.fromkeys(paths)

        def keep(request: Any, path: str) -> None:
            found[path] = self.probability(request.get_tensor("logits").data[0])

        queue = self.queue
        queue.set_callback(keep)
        for path in paths:
            queue.start_async({"inputs": self.inputs(path)}, path)
        queue.wait_all()
        return [*found.values()]


class OpenVINOInt8(OpenVINO):
    graph = "int8/model.onnx"


WAYS = {
    "ours": Ours,
    "ONNX Runtime, float32": Float32,
    "Keras predict": KerasPredict,
    "Keras tf.function": KerasFunction,
    "LiteRT, float32": LiteRT,
    "OpenVINO, float32": OpenVINO,
    "OpenVINO, int8": OpenVINOInt8,
}


class Process:
    """One way, loaded, in a process of its own.

    Args:
        name: of `WAYS`.
        models: the folder of MODELS.
        tree: the source tree whose package it takes.
    """

    def __init__(self, name: str, models: Path, tree: Path = ROOT):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, models],
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, job: str, files: list[str]) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"job": job, "files": files}), file=self.process.stdin)
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended in {job!r}; run ways.py to see why")
        return json.loads(line)

    def stop(self) -> None:
        self.process.communicate()


def main() -> None:
    """Answers requests until there are no more."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CI"] = "true"  # else OpenVINO tells its maker of each import
    _, name, models = sys.argv
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not come between
    way = WAYS[name](Path(models))
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_reply(way, **request)), file=replies)


def _reply(way: Any, job: str, files: list[str]) -> dict[str, Any]:
    found: list[float] = []
    seconds: list[Any] = []
    if job == "image":
        for path in files:
            with _timed(seconds):
                found.append(way.answer(path))
    elif job == "network":
        inputs = way.inputs(files[0])
        for _ in files:
            with _timed(seconds):
                way.network(inputs)
    elif job == "stages":
        seconds = [way.stages(path) for path in files]
    elif job == "bare":
        with _timed(seconds):
            way.bare(files)
    else:
        with _timed(seconds):
            found = way.folder_of(files)
    return {"seconds": seconds, "found": found, "peak": _peak()}


def _peak() -> float:
    """Megabytes of this process at most; Linux's own count has the parent's in it."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


@contextlib.contextmanager
def _timed(seconds: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)


if __name__ == "__main__":
    main()
