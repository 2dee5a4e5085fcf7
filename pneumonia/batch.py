COLUMNS = (
    "file",
    "status",
    "verdict",
    "PNEUMONIA",
    "NORMAL",
    "BACTERIAL",
    "VIRAL",
    "in_distribution",
    "ood_score",
    "error",
)


def row(file, p):
    return dict(
        zip(
            COLUMNS,
            (
                file,
                "failed" if p.error else "refused" if p.refusal else "answered",
                p.verdict,
                *((p.probabilities or {}).get(k) for k in ("PNEUMONIA", "NORMAL")),
                *((p.subtypes or {}).get(k) for k in ("BACTERIAL", "VIRAL")),
                p.in_distribution,
                p.ood_score,
                p.error or p.refusal,
            ),
        )
    )


def write_csv(rows, stream):
    import csv

    w = csv.DictWriter(stream, COLUMNS)
    w.writeheader()
    w.writerows(rows)
