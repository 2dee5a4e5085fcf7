"""The model card: `README.md` of a model folder, written from its report alone."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from ..config import CARD_FILE, ModelConfig
from ..dataset import KERMANY_2018
from .report import Report
from .report_html import TEMPLATES

_METRICS = {  # the report's names -> the Hub's
    "AUROC": "roc_auc",
    "accuracy": "accuracy",
    "sensitivity": "recall",
    "specificity": "specificity",
    "average precision": "average_precision",
    "Brier": "brier_score",
    "ECE": "expected_calibration_error",
}


def write_card(config: ModelConfig, report: Report, folder: Path) -> None:
    """Writes `README.md` of a model folder.

    Args:
        config: of the model; gives name, calibration and provenance.
        report: of the same model on radiographs of patients that it never saw.
        folder: where to.
    """
    (folder / CARD_FILE).write_text(card_text(config, report), encoding="utf-8")


def card_text(config: ModelConfig, report: Report) -> str:
    """The card, Markdown under YAML metadata; every figure in it is the report's."""
    return TEMPLATES.get_template("model_card.md").render(
        config=config,
        report=report,
        metadata=_metadata(config, report),
        gated=any(one["ood_score"] is not None for one in report["images"]),
        kermany=_is_kermany(config),
        balanced=len({*config.prior.values()}) == 1,
    )


def _is_kermany(config: ModelConfig) -> bool:
    return config.dataset == KERMANY_2018


def _metadata(config: ModelConfig, report: Report) -> str:
    """YAML for the Hub, with `model-index`: the figures that its search can show."""
    found = report["figures"]["answered"]
    dataset, title = (
        ("kermany-2018-chest-x-ray", "Kermany 2018, chest radiographs")
        if _is_kermany(config)
        else ("chest-x-ray", "chest radiographs")
    )
    return ModelCardData(
        # of other data it is not known
        license="cc-by-4.0" if _is_kermany(config) else None,
        library_name="keras",
        pipeline_tag="image-classification",
        tags=["chest-x-ray", "pneumonia", "onnx"],
        model_name=f"{config.name} {config.version}",
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type=dataset,
                dataset_name=title,
                dataset_split="patients held out of the training set",
                metric_type=metric,
                metric_name=name,
                metric_value=round(found[name]["value"], 4),
            )
            for name, metric in _METRICS.items()
            if found[name]["value"] is not None
        ],
    ).to_yaml()
