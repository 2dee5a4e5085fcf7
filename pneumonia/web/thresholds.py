"""What another threshold would have cost: two sliders, worked by about.js.

What stands there at first is worked out here, by the same rules.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence

from .texts import LANGUAGES, both, in_both, say

# Radiographic pneumonia among 2,574 radiographs taken for suspected pneumonia in a
# children's emergency department: Neuman 2011, Pediatrics 128:246.
PREVALENCE = 0.16
_CELLS = (("PNEUMONIA", "tp", "fn"), ("NORMAL", "fp", "tn"))
_RATES = ("sensitivity", "specificity", "ppv", "npv")

Counts = dict[str, int]


def count(sick: Sequence[float], healthy: Sequence[float], threshold: float) -> Counts:
    """The films on either side of a threshold, which itself is called pneumonia.

    Args:
        sick: rising probabilities of the films labelled PNEUMONIA, in [0, 1].
        healthy: of those labelled NORMAL.
    Returns:
        `tp`, `fn`, `fp`, `tn`.
    """
    fn, tn = bisect_left(sick, threshold), bisect_left(healthy, threshold)
    return {"tp": len(sick) - fn, "fn": fn, "fp": len(healthy) - tn, "tn": tn}


def rates(counts: Counts, prevalence: float) -> dict[str, float | None]:
    """Sensitivity and specificity of counts, and the predictive values by Bayes.

    Args:
        counts: see `count`.
        prevalence: share that has pneumonia where the films come from, in [0, 1].
    Returns:
        `sensitivity`, `specificity`, `ppv`, `npv`, in [0, 1]; None: nobody is called
        so, or there are no such films.
    """
    sensitivity = _ratio(counts["tp"], counts["tp"] + counts["fn"])
    specificity = _ratio(counts["tn"], counts["tn"] + counts["fp"])
    found = {"sensitivity": sensitivity, "specificity": specificity}
    if sensitivity is None or specificity is None:
        return found | {"ppv": None, "npv": None}
    hits, misses = sensitivity * prevalence, (1 - sensitivity) * prevalence
    right, alarms = specificity * (1 - prevalence), (1 - specificity) * (1 - prevalence)
    return found | {
        "ppv": _ratio(hits, hits + alarms),
        "npv": _ratio(right, right + misses),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def explorer(sick: Sequence[float], healthy: Sequence[float], threshold: float) -> str:
    """The two sliders, and what they change, as HTML in both languages.

    The probabilities go along as data, since nothing is asked of the server.

    Args:
        sick, healthy: see `count`; at least one of each.
        threshold: where the slider is at first, in [0, 1].
    """
    counts = count(sick, healthy, threshold)
    found = rates(counts, PREVALENCE)
    here = len(sick) / (len(sick) + len(healthy))
    spoken = " ".join(
        f'data-{code}="{say("about spoken", code, **_FIELDS)}"' for code in LANGUAGES
    )
    zero = both(
        "about zero",
        sick=len(sick),
        sick_most=3 / len(sick),
        healthy=len(healthy),
        healthy_most=3 / len(healthy),
    )
    cut = both("about two digits", value=threshold)
    share = both("about whole percent", value=PREVALENCE)
    why = both("about prevalence why", share=PREVALENCE, here=here)
    return (
        f'<div class="thresholds" data-sick="{json.dumps([*sick])}" '
        f'data-healthy="{json.dumps([*healthy])}" {spoken}>'
        f"<p>{both('about threshold why', films=len(sick) + len(healthy))}</p>"
        f"{_slider('cut', cut, threshold, 0.01)}"
        f"{_table(counts, len(sick), len(healthy))}"
        f'<dl class="rates">{_rates(found, _RATES[:2])}</dl>'
        f"{_slider('prevalence', share, PREVALENCE, 0.01)}"
        f'<p class="quiet">{why}</p>'
        f'<dl class="rates">{_rates(found, _RATES[2:])}</dl>'
        f'<p class="quiet">{zero}</p></div>'
    )


_FIELDS = {name: f"{{{name}}}" for name in ("threshold", "sensitivity", "specificity")}


def _slider(name: str, shown: str, value: float, step: float) -> str:
    return (
        f'<label class="slide"><span>{both("about " + name)} '
        f'<b data-of="{name}">{shown}</b></span><input type="range" name="{name}" '
        f'min="0" max="1" step="{step}" value="{value}"></label>'
    )


def _table(counts: Counts, *films: int) -> str:
    """The four counts."""
    rows = "".join(
        f'<tr><th scope="row">{both(f"about labelled {finding}")} ({total:,})</th>'
        + "".join(
            f'<td class="{name}"><b data-of="{name}">{counts[name]}</b> '
            f"<small>{both('about ' + name)}</small></td>"
            for name in names
        )
        + "</tr>"
        for (finding, *names), total in zip(_CELLS, films, strict=True)
    )
    head = "".join(
        f'<th scope="col">{both(f"about called {finding}")}</th>'
        for finding in ("PNEUMONIA", "NORMAL")
    )
    return (
        f'<table class="counts"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _rates(found: dict[str, float | None], names: Sequence[str]) -> str:
    return "".join(
        f'<div><dt>{both("about " + name)}</dt><dd><b data-of="{name}">'
        f"{_percent(found[name])}</b> <small>{both(f'about why {name}')}</small></dd>"
        "</div>"
        for name in names
    )


def _percent(value: float | None) -> str:
    if value is None:
        return in_both(**dict.fromkeys(LANGUAGES, "–"))
    return both("about percent", value=value)
