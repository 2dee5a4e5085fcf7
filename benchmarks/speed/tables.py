"""The table of `docs/speed.md`, made of what the benchmarks measured.

    python benchmarks/speed/tables.py

Reads `results/*.json` and writes between that page's two marks. A test holds the
page to it.
"""

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results")
MARKS = (
    "<!-- by benchmarks/speed/tables.py -->",
    "<!-- end -->",
)
OURS, KERAS = "ours", "Keras predict"


def main() -> None:
    """Rewrites the section."""
    path = ROOT / "docs" / "speed.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(replaced(text), encoding="utf-8")


def replaced(text: str) -> str:
    """The page with its table as the results are now."""
    before, _, rest = text.partition(MARKS[0])
    _, mark, after = rest.partition(MARKS[1])
    if not mark:
        raise SystemExit(f"docs/speed.md has no {MARKS[0]} ... {MARKS[1]}")
    return f"{before}{MARKS[0]}\n{section()}\n{MARKS[1]}{after}"


def section() -> str:
    """Markdown."""
    speed = _read("speed")
    header, *rows = speed_rows(speed)
    table = [header, ["---"] * len(header), *rows]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    sentences = [
        *speed_sentences(speed),
        *serving_sentences(_read("serving")),
        *growth_sentences(_read("growth")),
    ]
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in sentences)])


def speed_rows(figures: dict[str, Any]) -> Iterator[Sequence[str]]:
    """The header, then a row for each way to serve the network."""
    yield (
        "way",
        "file to answer, p50 (p95)",
        "of ours",
        "network alone",
        "folder",
        "cold start",
        "peak memory",
        "its packages",
    )
    ways = figures["ways"]
    for name, way in ways.items():
        if way["installed_mb"] is None:
            yield name, "not installed", *[""] * 6
            continue
        seconds = sum(way["image"], [])
        ratios = _ratios(way["image"], ways[OURS]["image"])
        images = figures["folder_images"]
        yield (
            name,
            f"{_ms(statistics.median(seconds))} "
            f"({_ms(statistics.quantiles(seconds, n=20)[-1])}) ms",
            "1" if name == OURS else _spread(ratios),
            f"{_ms(statistics.median(sum(way['network'], [])))} ms",
            f"{images / statistics.median(way['folder']):.0f}/s",
            f"{statistics.median(way['cold']):.1f} s",
            f"{way['peak_mb']:.0f} MB",
            f"{way['installed_mb']:.0f} MB",
        )


def speed_sentences(figures: dict[str, Any]) -> Iterator[str]:
    """What the table does not hold."""
    machine, ways = figures["machine"], figures["ways"]
    yield (
        f"Measured on {machine['cores']} cores of an {machine['processor']} "
        f"{'with' if machine['vnni'] else 'without'} VNNI, Python {machine['python']}, "
        f"ONNX Runtime {machine['onnxruntime']}; an image is a JPEG of 1,300 x 1,000; "
        "ours gives the heatmap, too. Packages: on disk, what a way needs to answer, "
        "without the model."
    )
    network = ways[OURS]["network"]
    work = figures["multiply_adds"]
    shares = [
        work / statistics.median(seconds) / peak["int8"]
        for seconds, peak in zip(network, figures["peaks"], strict=True)
    ]
    int8, float32 = (
        statistics.median(peak[kind] for peak in figures["peaks"]) / 1e9
        for kind in ("int8", "float32")
    )
    yield (
        f"The network makes {work / 1e9:.2f} billion multiply-adds an image; ours runs "
        f"at {_percent(shares)} of the {int8:.0f} billion a second that int8 matrix "
        f"products reach on these cores (float32: {float32:.0f})."
    )
    stages = {
        name: _ms(statistics.median(stage[name] for stage in figures["stages"]))
        for name in figures["stages"][0]
    }
    drawing = stages.pop("overlay")
    spans = ", ".join(f"{name} {span}" for name, span in stages.items())
    yield f"Of an answer, in ms: {spans}; to draw it over the image, {drawing} more."
    batch = figures["batch"]
    rates = [batch["images"] / seconds for seconds in batch["folder"]]
    bare = [batch["images"] / seconds for seconds in batch["bare"]]
    alone = [1 / statistics.median(seconds) for seconds in batch["network"]]
    of_bare, of_alone = (
        _percent([ours / theirs for ours, theirs in zip(rates, other, strict=True)])
        for other in (bare, alone)
    )
    yield (
        f"`batch` on {batch['images'] * len(rates):,} images, in {len(rates)} parts: "
        f"{statistics.median(rates):.0f}/s. That is {of_bare} of what the network "
        "gives on inputs that are ready, one on each core, its best; and "
        f"{of_alone} of what it gives one by one on all cores."
    )
    command = figures["command"]
    cold = statistics.median(command["cold"])
    keras = ways[KERAS].get("cold")
    yield (
        f"`python -m pneumonia predict FILE`, cold: {cold:.2f} s and "
        f"{command['peak_mb']:.0f} MB"
        + (f"; Keras takes {statistics.median(keras) / cold:.0f}x." if keras else ".")
    )


def serving_sentences(figures: dict[str, float]) -> Iterator[str]:
    """Of `benchmarks/speed/serving.py`."""
    value = {name: f"{number:.0f}" for name, number in figures.items()}
    above = figures["/predict above the predictor, of the constant"]
    yield (
        "Through `gradio_client` on loopback (`benchmarks/speed/serving.py`): "
        f"{value['/predict, ms']} ms, of which {value['predictor alone, ms']} are the "
        f"predictor's; the rest is {above:.2f}x what a Gradio interface takes that "
        "returns a constant. 16 clients get "
        f"{value['/predict of 16 clients, answers/s']} answers/s, p95 "
        f"{value['/predict of 16 clients, p95, ms']} ms, on the cores that they share "
        f"with the server; the predictor alone gives "
        f"{value['predictor alone, answers/s']}, the constant "
        f"{value['a constant to 16 clients, answers/s']}."
    )


def growth_sentences(figures: dict[str, Any]) -> Iterator[str]:
    """Of `benchmarks/speed/growth.py`."""
    files = [
        f"{row['count']:,} in {row['seconds']:.1f} s and {row['peak_mb']:.0f} MB"
        for row in figures["files"]
    ]
    sizes = [
        f"{row['megapixels']:g} in {_ms(row['seconds'])} ms and {row['peak_mb']:.0f} MB"
        for row in figures["megapixels"]
    ]
    yield (
        "Growth (`benchmarks/speed/growth.py`), files of a `batch`: "
        f"{', '.join(files)}; "
        f"megapixels of an image: {', '.join(sizes)}."
    )


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def _ratios(turns: list[list[float]], ours: list[list[float]]) -> list[float]:
    """Of each turn's medians."""
    return [
        statistics.median(theirs) / statistics.median(mine)
        for theirs, mine in zip(turns, ours, strict=True)
    ]


def _spread(values: list[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.1f}x ({min(values):.1f} to {max(values):.1f})"


def _percent(values: list[float]) -> str:
    low, middle, high = (
        round(100 * value)
        for value in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} % ({low} to {high})"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


if __name__ == "__main__":
    main()
