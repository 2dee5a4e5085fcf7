"""Every text of the page, in English and in French: the one file to translate.

`TEXTS` is what the page itself says, by key. `FRENCH` is what the package says, by the
English sentence, or its template, that stands in the code.
"""

import re
import string
from html import escape

LANGUAGES = {"en": "English", "fr": "Français"}  # the first is the one to fall back on

# key -> the text in each language, in the order of `LANGUAGES`. Keys that begin with
# "widget" are texts of Gradio's widgets, which page.js exchanges.
TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "Pneumonia in children's chest radiographs",
        "Pneumonie sur la radiographie thoracique de l'enfant",
    ),
    "description": (
        "Give a child's frontal chest radiograph: the model answers with "
        "probabilities, shows its evidence, and says when it cannot tell.",
        "Donnez la radiographie thoracique de face d'un enfant : le modèle répond par "
        "des probabilités, montre ses indices et dit quand il ne sait pas.",
    ),
    "demonstration": (
        "A demonstration, not a medical device.",
        "Une démonstration, pas un dispositif médical.",
    ),
    "notice": (
        "Not a medical device: not for diagnosis, nor any other medical use.",
        "Pas un dispositif médical : ni pour le diagnostic, ni pour aucun autre usage "
        "médical.",
    ),
    # --- one radiograph
    "widget title": (
        "Pneumonia in children's chest radiographs: a demonstration",
        "Pneumonie sur la radiographie thoracique de l'enfant : une démonstration",
    ),
    "widget one": ("One film", "Un cliché"),
    "widget many": ("Many films", "Plusieurs"),
    "widget about": ("The model", "Le modèle"),
    "widget image": ("Chest radiograph", "Radiographie thoracique"),
    "widget alt": (
        "The radiograph that you gave",
        "La radiographie que vous avez donnée",
    ),
    "widget drop": (
        "Drop a radiograph here, or click to choose one\n"
        "JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM",
        "Déposez une radiographie ici, ou cliquez pour en choisir une\n"
        "JPEG, PNG, TIFF, WebP, BMP, GIF ou DICOM",
    ),
    "widget file": ("Choose a DICOM or TIFF file", "Choisir un fichier DICOM ou TIFF"),
    "samples": (
        "Samples, each a composite of several children",
        "Exemples, chacun composé à partir de plusieurs enfants",
    ),
    "sample normal": ("Normal, sample {number}", "Normal, exemple {number}"),
    "sample bacterial": (
        "Bacterial pneumonia, sample {number}",
        "Pneumonie bactérienne, exemple {number}",
    ),
    "sample viral": (
        "Viral pneumonia, sample {number}",
        "Pneumonie virale, exemple {number}",
    ),
    "widget report": ("Save a report", "Enregistrer un compte rendu"),
    "privacy": (
        "Deleted within 70 minutes, not shared, not logged. Remove names first.",
        "Effacée avant 70 minutes, ni transmise ni journalisée. Ôtez les noms.",
    ),
    "waiting": ("No radiograph yet", "Pas encore de radiographie"),
    "waiting why": (
        "Give one, or choose a sample: the answer appears here.",
        "Donnez-en une, ou choisissez un exemple : la réponse apparaîtra ici.",
    ),
    "asked": ("Looking at it…", "Lecture en cours…"),
    "asked why": (
        "The answer appears here when it is this radiograph's turn.",
        "La réponse apparaîtra ici quand ce sera le tour de cette radiographie.",
    ),
    "busy": ("No answer", "Pas de réponse"),
    "busy why": (
        "The server is busy: too many requests wait. Give the radiograph again in a "
        "minute.",
        "Le serveur est occupé : trop de demandes attendent. Redonnez la radiographie "
        "dans une minute.",
    ),
    "failed": ("No answer", "Pas de réponse"),
    "refused": ("Refused", "Refusée"),
    "refused expected": (
        "Answered are frontal (PA or AP) chest radiographs, whole, upright, white "
        "bones on black. A result for anything else would mean nothing.",
        "Sont lues les radiographies thoraciques de face (PA ou AP), entières, à "
        "l'endroit, os blancs sur fond noir. Pour toute autre image, un résultat ne "
        "voudrait rien dire.",
    ),
    # --- the answer
    "NORMAL": ("Normal", "Normal"),
    "PNEUMONIA": ("Pneumonia", "Pneumonie"),
    "UNCERTAIN": ("Uncertain", "Incertain"),
    "BACTERIAL": ("bacterial", "bactérienne"),
    "VIRAL": ("viral", "virale"),
    "NORMAL why": (
        "The model sees no sign of pneumonia: at {coverage:.0%} coverage, it excludes "
        "it. That does not mean healthy; it knows no other disease.",
        "Le modèle ne voit aucun signe de pneumonie : à {coverage:.0%} de couverture, "
        "il l'écarte. Cela ne veut pas dire en bonne santé : il ne connaît aucune "
        "autre maladie.",
    ),
    "PNEUMONIA why": (
        "The model sees signs of pneumonia: at {coverage:.0%} coverage, it excludes a "
        "normal radiograph.",
        "Le modèle voit des signes de pneumonie : à {coverage:.0%} de couverture, il "
        "écarte une radiographie normale.",
    ),
    "UNCERTAIN why": (
        "The model cannot tell: at {coverage:.0%} coverage, it excludes neither normal "
        "nor pneumonia, or both. Take it as no answer.",
        "Le modèle ne sait pas : à {coverage:.0%} de couverture, il n'écarte ni le "
        "normal ni la pneumonie, ou écarte les deux. C'est une absence de réponse.",
    ),
    "probability": (
        "{p} % probability of pneumonia",
        "Probabilité de pneumonie : {p} %",
    ),
    "meaning": (
        "Of 100 films like it that get this figure, about {hundred} show pneumonia.",
        "Sur 100 clichés semblables qui reçoivent ce chiffre, environ {hundred} "
        "montrent une pneumonie.",
    ),
    "meaning most": (
        "Of 100 films like it that get this figure, 99 or 100 show pneumonia.",
        "Sur 100 clichés semblables qui reçoivent ce chiffre, 99 ou 100 montrent une "
        "pneumonie.",
    ),
    "meaning few": (
        "Of 100 films like it that get this figure, none or one shows pneumonia.",
        "Sur 100 clichés semblables qui reçoivent ce chiffre, un ou aucun ne montre "
        "une pneumonie.",
    ),
    "subtypes": (
        "If it is pneumonia: weak evidence for",
        "S'il s'agit d'une pneumonie : indices faibles pour",
    ),
    "doubts": ("Why this may be wrong", "Pourquoi cela peut être faux"),
    "doubt unusual": (
        "The image is unusual for the model: strangeness {score:.2f}, where 1 is "
        "refused.",
        "L'image est inhabituelle pour le modèle : étrangeté {score:.2f}, refusée "
        "à partir de 1.",
    ),
    "doubt small": (
        "The image is small, {width:,} × {height:,} pixels: fine signs may be lost.",
        "L'image est petite, {width:,} × {height:,} pixels : des signes fins ont pu "
        "disparaître.",
    ),
    "doubt shape": (
        "The image is long and narrow, {width:,} × {height:,} pixels: it may be "
        "cropped or joined.",
        "L'image est allongée, {width:,} × {height:,} pixels : elle est peut-être "
        "rognée ou assemblée.",
    ),
    "doubt NORMAL": (
        "Early, faint or retrocardiac pneumonia can look normal, to the model and to "
        "readers.",
        "Une pneumonie débutante, discrète ou rétrocardiaque peut paraître normale, au "
        "modèle comme au lecteur.",
    ),
    "doubt PNEUMONIA": (
        "Atelectasis, a large thymus, a film taken at expiration, other lung disease "
        "or a tube can look like pneumonia to it.",
        "Une atélectasie, un thymus volumineux, un cliché en expiration, une autre "
        "maladie du poumon ou une sonde peuvent lui paraître une pneumonie.",
    ),
    "doubt UNCERTAIN": (
        "The evidence is weak or contradictory; a slightly different film might be "
        "answered either way.",
        "Les indices sont faibles ou contradictoires ; un cliché à peine différent "
        "pourrait recevoir l'une ou l'autre réponse.",
    ),
    "doubt children": (
        "It learnt from children of one to five years in one hospital. Other ages, "
        "machines and exposures may mislead it.",
        "Il a appris sur des enfants d'un à cinq ans d'un seul hôpital. D'autres âges, "
        "appareils et expositions peuvent le tromper.",
    ),
    "model": ("Answered by {model} ({label}).", "Réponse de {model} ({label})."),
    # --- the viewer
    "heatmap": ("Where the evidence lies", "Où sont les indices"),
    "heatmap why": (
        "Log-odds at each place, on the same scale for every image; this one has "
        "{low:+.1f} to {high:+.1f}. It shows what the network used, not where disease "
        "is.",
        "Log-cote en chaque point, sur la même échelle pour toutes les images ; "
        "celle-ci va de {low:+.1f} à {high:+.1f}. Elle montre ce que le réseau a "
        "utilisé, pas où est la maladie.",
    ),
    "map alt": (
        "Radiograph under its heatmap: log-odds of pneumonia from {low:+.1f} to "
        "{high:+.1f}, the most in the {part} third on the child's {side}.",
        "Radiographie sous sa carte d'indices : log-cote de pneumonie de {low:+.1f} à "
        "{high:+.1f}, maximale au tiers {part}, côté {side} de l'enfant.",
    ),
    "upper": ("upper", "supérieur"),
    "middle": ("middle", "moyen"),
    "lower": ("lower", "inférieur"),
    "left": ("left", "gauche"),
    "right": ("right", "droit"),
    "speaks normal": ("normal", "normal"),
    "speaks pneumonia": ("pneumonia", "pneumonie"),
    "compare": (
        "Compare: how much of the radiograph is without heatmap, in percent",
        "Comparer : part de la radiographie sans carte, en pour cent",
    ),
    "strength": ("Heatmap", "Carte"),
    "zoom": ("Zoom", "Zoom"),
    "centre": ("Window centre", "Centre de fenêtre"),
    "width": ("Window width", "Largeur de fenêtre"),
    "invert": ("Invert", "Inverser"),
    "reset": ("Reset", "Réinitialiser"),
    # --- many radiographs
    "many": (
        "Give files, or a folder: images and DICOM, up to {limit} at once. One that "
        "cannot be read or is refused costs the others nothing.",
        "Donnez des fichiers ou un dossier : images et DICOM, jusqu'à {limit} à la "
        "fois. Un fichier illisible ou refusé ne coûte rien aux autres.",
    ),
    "widget files": ("Drop radiographs here", "Déposez des radiographies ici"),
    "widget folder": ("Choose a folder", "Choisir un dossier"),
    "widget stop": ("Stop", "Arrêter"),
    "progress": ("{done:,} of {total:,} files", "{done:,} fichiers sur {total:,}"),
    "unreadable": ("Unreadable", "Illisible"),
    "apart": ("Without an answer", "Sans réponse"),
    "download": ("Download CSV", "Télécharger le CSV"),
    "show": ("Show the heatmap of", "Montrer la carte de"),
    "column film": ("Film", "Cliché"),
    "column file": ("File", "Fichier"),
    "column verdict": ("Verdict", "Verdict"),
    "column likelihood": ("P(pneumonia)", "P(pneumonie)"),
    "column kind": ("If so", "Si oui"),
    "column strangeness": ("Strangeness", "Étrangeté"),
    "score": ("{score:.2f}", "{score:.2f}"),
    # --- what the answer means
    "explained": (
        "What the answer means, and what the model knows",
        "Ce que veut dire la réponse, et ce que sait le modèle",
    ),
    "explained probability": (
        "Probability: calibrated on radiographs that the network never saw.",
        "Probabilité : calibrée sur des radiographies que le réseau n'a jamais vues.",
    ),
    "explained verdict": (
        "Verdict: a finding is named only where the other one is excluded. At 95 % "
        "coverage, 95 of 100 radiographs like those keep their true finding. What "
        "settles on no one finding is uncertain.",
        "Verdict : un résultat n'est donné que si l'autre est écarté. À 95 % de "
        "couverture, 95 radiographies semblables sur 100 gardent leur vrai résultat. "
        "Ce qui n'en désigne pas un seul est incertain.",
    ),
    "explained knows": (
        "It learnt from frontal chest radiographs of children of one to five years, "
        "all from one hospital in Guangzhou (Kermany et al. 2018). It knows no other "
        "age, view or disease. A frontal radiograph of an adult is answered as if it "
        "were a child's.",
        "Il a appris sur des radiographies thoraciques de face d'enfants d'un à cinq "
        "ans, toutes d'un hôpital de Canton (Kermany et al. 2018). Il ne connaît aucun "
        "autre âge, aucune autre incidence, aucune autre maladie. La radiographie de "
        "face d'un adulte reçoit une réponse comme si c'était celle d'un enfant.",
    ),
    "explained refuses": (
        "What does not look like a frontal chest radiograph is refused: side views, "
        "other parts of the body, photographs, documents, negatives, films on their "
        "side. The gate errs towards answering, so a few such images pass, and their "
        "answers mean nothing.",
        "Ce qui ne ressemble pas à une radiographie thoracique de face est refusé : "
        "profils, autres parties du corps, photographies, documents, négatifs, clichés "
        "couchés. Le filtre préfère répondre : quelques images de ce genre passent, et "
        "leur réponse ne veut rien dire.",
    ),
}

FRENCH: dict[str, str] = {}


def say(key: str, language: str, **values: object) -> str:
    """One text in one language, with its numbers as that language writes them.

    Args:
        key: of `TEXTS`.
        language: of `LANGUAGES`.
        values: for the fields of the text; floats by the field's format.
    """
    template = TEXTS[key][[*LANGUAGES].index(language)]
    return typeset(_Local(language).format(template, **values))


def translate(message: str, language: str) -> str:
    """A sentence of the package in a language; as it is where none is known."""
    return typeset(FRENCH.get(message, message)) if language == "fr" else message


def both(key: str, tag: str = "span", **values: object) -> str:
    """One text as HTML in both languages, of which the style sheet shows one.

    So a switch of language changes what stands on the page, an answer too, and asks
    the server nothing.

    Args:
        key: of `TEXTS`; the text and its values are escaped.
        tag: element that each language is in.
        values: see `say`.
    """
    return in_both(
        tag, **{code: escape(say(key, code, **values)) for code in LANGUAGES}
    )


def in_both(tag: str = "span", **html: str) -> str:
    """The same in two languages, as HTML of which the style sheet shows one."""
    return "".join(
        f'<{tag} lang="{code}">{content}</{tag}>' for code, content in html.items()
    )


def typeset(text: str) -> str:
    """Keeps signs on the line of what they belong to; the file is easier without."""
    return re.sub(r" (?=[:;?!%»×])|(?<=[«×]) ", "\u202f", text)


class _Local(string.Formatter):
    """Writes numbers as a language does: 97.5 %, 97,5 %; and a minus as a minus."""

    def __init__(self, language: str):
        self.language = language

    def format_field(self, value: object, spec: str) -> str:
        text = super().format_field(value, spec)
        if not isinstance(value, int | float):
            return text
        text = text.replace("-", "−").replace("%", "\u202f%")
        if self.language == "fr":
            text = text.translate({ord(","): "\u202f", ord("."): ","})
        return text
