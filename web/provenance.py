"""What a model says of its own making, as far as answers and pages depend on it.

Any model may be served: what is true of ours alone is said of ours alone.
"""

from pneumonia.config import ModelConfig

_KERMANY = "10.17632/rscbjbr9sj"  # doi of the data that most of the page is about
_BALANCED = "normal and pneumonia weigh the same"  # of `pneumonia.training.card`


def is_kermany(config: ModelConfig) -> bool:
    """Whether the model learnt from the films of Kermany 2018."""
    return _KERMANY in data(config)


def data(config: ModelConfig) -> str:
    """Whose films the model learnt from, in its own words; empty where none says."""
    stated = str(config.provenance.get("data") or "")
    return "" if stated == "not stated" else stated  # as the export writes


def is_balanced(config: ModelConfig) -> bool:
    """Whether the probabilities are those where half of the films show pneumonia."""
    return _BALANCED in str(config.provenance.get("head"))


def knows(config: ModelConfig, kermany: str) -> tuple[str, dict[str, str]]:
    """The text on what the model learnt from, and its values.

    Args:
        config: of the model.
        kermany: key of the text for those data.
    """
    if is_kermany(config):
        return kermany, {}
    if stated := data(config):
        return "doubt data", {"data": stated}
    return "doubt unstated", {}
