"""Every text of the page, in English and in French: the one file to translate.

`TEXTS` is what the page itself says, by key. `FRENCH` is what the package and the
server say, by the English sentence, or its template, that stands in the code.
"""

import re
import string
from collections.abc import Mapping
from html import escape

LANGUAGES = {"en": "English", "fr": "Français"}  # the first is the one to fall back on
_CHOICE = re.compile(r"([a-z]{1,8})(?:-[\w-]*)?(?:\s*;\s*q=([01](?:\.\d*)?))?")

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
    "widget card": (
        "The model card, in English",
        "La fiche du modèle, en anglais",
    ),
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
    "unfinished": ("Not finished", "Non terminé"),
    "unfinished why": (
        "It was stopped, or the server is busy or failed; a message then says why. "
        "Give it again in a minute.",
        "La demande a été arrêtée, ou le serveur est occupé ou a échoué ; un message "
        "dit alors pourquoi. Recommencez dans une minute.",
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
        "nor pneumonia, or both, or only the likelier. Take it as no answer.",
        "Le modèle ne sait pas : à {coverage:.0%} de couverture, il n'écarte ni le "
        "normal ni la pneumonie, ou écarte les deux, ou seulement le plus probable. "
        "C'est une absence de réponse.",
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
    "meaning half": (
        "That holds where half of all films show pneumonia; where it is rarer, fewer "
        "do.",
        "Cela vaut là où la moitié des clichés montrent une pneumonie ; là où elle est "
        "plus rare, ils sont moins nombreux.",
    ),
    "meaning shares": (
        "That holds where pneumonia is as frequent as among the films that the model "
        "was calibrated on; where it is rarer, fewer do.",
        "Cela vaut là où la pneumonie est aussi fréquente que parmi les clichés qui "
        "ont servi à calibrer le modèle ; là où elle est plus rare, ils sont moins "
        "nombreux.",
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
    "doubt data": (
        "It learnt from these films: {data}. Other ages, machines and exposures may "
        "mislead it.",
        "Il a appris sur ces clichés : {data}. D'autres âges, appareils et expositions "
        "peuvent le tromper.",
    ),
    "doubt unstated": (
        "Whose films it learnt from is not stated. Ages, machines and exposures that "
        "it does not know may mislead it.",
        "L'origine des clichés sur lesquels il a appris n'est pas précisée. Des âges, "
        "appareils et expositions qu'il ne connaît pas peuvent le tromper.",
    ),
    "doubt no gate": (
        "Strangeness is not measured: this model refuses nothing, and a photograph of "
        "a cat gets a figure too.",
        "L'étrangeté n'est pas mesurée : ce modèle ne refuse rien, et la "
        "photographie d'un chat reçoit un chiffre, elle aussi.",
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
        "{high:+.1f}, the most in the {part} third {side}.",
        "Radiographie sous sa carte d'indices : log-cote de pneumonie de {low:+.1f} à "
        "{high:+.1f}, maximale au tiers {part}, {side}.",
    ),
    "upper": ("upper", "supérieur"),
    "middle": ("middle", "moyen"),
    "lower": ("lower", "inférieur"),
    "left": ("on the child's left", "côté gauche de l'enfant"),
    "right": ("on the child's right", "côté droit de l'enfant"),
    "midline": ("in the midline", "sur la ligne médiane"),
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
        "Probability: calibrated on radiographs that the network never saw. At 70 %, "
        "about 70 of 100 such films show pneumonia.",
        "Probabilité : calibrée sur des radiographies que le réseau n'a jamais vues. À "
        "70 %, environ 70 sur 100 de ces clichés montrent une pneumonie.",
    ),
    "explained verdict": (
        "Verdict: a finding is named only where the other one is excluded. At 95 % "
        "coverage, 95 of 100 radiographs like those keep their true finding. What "
        "leaves both, neither, or only the less likely one is uncertain.",
        "Verdict : un résultat n'est donné que si l'autre est écarté. À 95 % de "
        "couverture, 95 radiographies semblables sur 100 gardent leur vrai résultat. "
        "S'il reste les deux, aucun, ou seulement le moins probable, c'est incertain.",
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

# The page about the model; after "about word" stands a word of the model's report.
TEXTS |= {
    "about model": ("The model that answers", "Le modèle qui répond"),
    "about name": ("Model", "Modèle"),
    "about source": ("Served from", "Servi depuis"),
    "about classes": ("Classes", "Classes"),
    "about input": ("Sees the film as", "Voit le cliché en"),
    "about pixels": ("{side} × {side} pixels", "{side} × {side} pixels"),
    "about no report": (
        "This model folder has no report that belongs to its network, so there are no "
        "figures to show: how good the model is was not measured here. Take its "
        "answers as untested.",
        "Ce dossier de modèle n'a pas de rapport qui corresponde à son réseau : il n'y "
        "a pas de chiffres à montrer. La qualité du modèle n'a pas été mesurée ici ; "
        "considérez ses réponses comme non vérifiées.",
    ),
    "about no copy": (
        "The figures of this model are in the report and the card of its repository, "
        "which were not fetched with it.",
        "Les chiffres de ce modèle sont dans le rapport et la fiche de son dépôt, qui "
        "n'ont pas été téléchargés avec lui.",
    ),
    "about word bundled": (
        "bundled with the software",
        "fourni avec le logiciel",
    ),
    # --- use
    "about use": (
        "What it is for, and what it is not for",
        "À quoi il sert, à quoi il ne sert pas",
    ),
    "about intended": (
        "Intended: demonstrations and teaching of transfer learning, of calibration "
        "and of their limits; research on the data set.",
        "Usage prévu : démonstration et enseignement de l'apprentissage par transfert, "
        "de la calibration et de leurs limites ; recherche sur le jeu de données.",
    ),
    "about never": (
        "Out of scope: any decision about a patient; triage, screening, a second "
        "opinion; telling bacteria from viruses for treatment; other ages than one to "
        "five years, lateral views, CT.",
        "Usages exclus : toute décision concernant un patient ; tri, dépistage, second "
        "avis ; distinguer bactérie et virus pour traiter ; un autre âge qu'un à cinq "
        "ans, un profil, un scanner.",
    ),
    "about normal": (
        "Normal means that nothing looks like this data set's pneumonia, not that the "
        "child is healthy: nothing else is looked for.",
        "Normal veut dire que rien ne ressemble aux pneumonies de ce jeu de données, "
        "non que l'enfant va bien : rien d'autre n'est recherché.",
    ),
    # --- figures
    "about figures": (
        "How good it is, on home ground",
        "Ce qu'il vaut, sur son terrain",
    ),
    "about films": (
        "{films:,} films of {patients:,} patients, of which {refused:,} were refused "
        "and {unreadable:,} could not be read; the figures are of those that were "
        "answered. A film is called pneumonia from a probability of {point} on. "
        "Small: {level:.0%} interval, from {draws:,} draws of whole patients; one "
        "without width means that all films of the kind went the same way.",
        "{films:,} clichés de {patients:,} patients, dont {refused:,} refusés et "
        "{unreadable:,} illisibles ; les chiffres portent sur ceux qui ont reçu une "
        "réponse. Un cliché est classé pneumonie à partir d'une probabilité de "
        "{point}. En petit : intervalle à {level:.0%}, par {draws:,} tirages de "
        "patients entiers ; sans largeur, tous les clichés du genre ont eu le même "
        "sort.",
    ),
    "about word Films of patients that the network never saw. Scale and bias of its "
    "head, temperature, thresholds, heatmap scale and the gate's limit were fitted on "
    "the same films, and the runs of training were compared on them, which flatters "
    "every figure a little.": (
        "Films of patients that the network never saw. Scale and bias of its head, "
        "temperature, thresholds, heatmap scale and the gate's limit were fitted on "
        "the same films, and the runs of training were compared on them, which "
        "flatters every figure a little.",
        "Clichés de patients que le réseau n'a jamais vus. L'échelle et le biais de sa "
        "tête, la température, les seuils, l'échelle de la carte et la limite du "
        "filtre ont été ajustés sur ces mêmes clichés, et les entraînements y ont été "
        "comparés, ce qui flatte un peu tous les chiffres.",
    ),
    "about figure": ("Figure", "Mesure"),
    "about value": ("Value", "Valeur"),
    "about number": ("{value:.3f}", "{value:.3f}"),
    "about range": ("{low:.3f} to {high:.3f}", "{low:.3f} à {high:.3f}"),
    "about percent": ("{value:.1%}", "{value:.1%}"),
    "about AUROC": ("AUROC", "AUROC"),
    "about why AUROC": (
        "how often a film with pneumonia scores above a normal one",
        "fréquence à laquelle un cliché de pneumonie dépasse un cliché normal",
    ),
    "about sensitivity": ("Sensitivity", "Sensibilité"),
    "about why sensitivity": (
        "of the films labelled pneumonia, the share called so",
        "part des clichés étiquetés pneumonie qui sont classés ainsi",
    ),
    "about specificity": ("Specificity", "Spécificité"),
    "about why specificity": (
        "of the films labelled normal, the share called so",
        "part des clichés étiquetés normaux qui sont classés ainsi",
    ),
    "about accuracy": ("Accuracy", "Exactitude"),
    "about why accuracy": (
        "the share called as labelled",
        "part des clichés classés selon leur étiquette",
    ),
    "about strict": (
        "Accuracy, if a refusal is a mistake",
        "Exactitude, si un refus est une erreur",
    ),
    "about average precision": ("Average precision", "Précision moyenne"),
    "about why average precision": (
        "area under the curve of precision against recall",
        "aire sous la courbe de la précision selon le rappel",
    ),
    "about Brier": ("Brier score", "Score de Brier"),
    "about why Brier": (
        "mean squared error of the probability; 0 is best",
        "erreur quadratique moyenne de la probabilité ; 0 au mieux",
    ),
    "about ECE": ("ECE", "ECE"),
    "about why ECE": (
        "mean distance between the probability and the share that has pneumonia; 0 is "
        "best",
        "écart moyen entre la probabilité et la part des pneumonies ; 0 au mieux",
    ),
    "about three": ("Accuracy over the classes", "Exactitude sur les classes"),
    "about pathogen": (
        "Bacterial or viral told right",
        "Bactérienne ou virale : réponse juste",
    ),
    "about why pathogen": (
        "of the films with pneumonia, by the likelier of the two",
        "parmi les pneumonies, selon la plus probable des deux",
    ),
    "about unsure": ("Uncertain verdicts", "Verdicts incertains"),
    "about covered": (
        "Verdict right or uncertain",
        "Verdict juste ou incertain",
    ),
    "about why covered": (
        "the thresholds promise at least {coverage:.0%} of either finding",
        "les seuils promettent au moins {coverage:.0%} pour chacun des deux résultats",
    ),
    # --- the threshold
    "about threshold": (
        "If the threshold were another",
        "Et si le seuil était autre ?",
    ),
    "about threshold why": (
        "Move the threshold: from this probability on, a film would be called "
        "pneumonia. What each choice costs, counted on the {films:,} films that were "
        "answered; the point on the ROC curve and the line in the histograms move "
        "along. The verdict on the first tab does not change.",
        "Déplacez le seuil : à partir de cette probabilité, un cliché serait "
        "classé pneumonie. Ce que coûte chaque choix, compté sur les {films:,} clichés "
        "qui ont reçu une réponse ; le point de la courbe ROC et le trait des "
        "histogrammes suivent. Le verdict du premier onglet ne change pas.",
    ),
    "about cut": (
        "Threshold of the probability of pneumonia",
        "Seuil de la probabilité de pneumonie",
    ),
    "about two digits": ("{value:.2f}", "{value:.2f}"),
    "about labelled PNEUMONIA": ("Labelled pneumonia", "Étiquetés pneumonie"),
    "about labelled NORMAL": ("Labelled normal", "Étiquetés normaux"),
    "about called PNEUMONIA": ("Called pneumonia", "Classés pneumonie"),
    "about called NORMAL": ("Called normal", "Classés normaux"),
    "about tp": ("true positives", "vrais positifs"),
    "about fn": ("missed: false negatives", "manqués : faux négatifs"),
    "about fp": ("false alarms: false positives", "fausses alertes : faux positifs"),
    "about tn": ("true negatives", "vrais négatifs"),
    "about ppv": ("Positive predictive value", "Valeur prédictive positive"),
    "about why ppv": (
        "of those called pneumonia, the share that has it",
        "part des pneumonies parmi les clichés classés pneumonie",
    ),
    "about npv": ("Negative predictive value", "Valeur prédictive négative"),
    "about why npv": (
        "of those called normal, the share that is",
        "part des normaux parmi les clichés classés normaux",
    ),
    "about prevalence": (
        "Share of children who have pneumonia",
        "Part des enfants qui ont une pneumonie",
    ),
    "about whole percent": ("{value:.0%}", "{value:.0%}"),
    "about prevalence why": (
        "The two predictive values depend on it: the rarer pneumonia is, the more of "
        "the alarms are false. {share:.0%} is what an American children's emergency "
        "department found on radiographs taken for suspected pneumonia (Neuman et "
        "al. 2011); of the films here, {here:.0%} have it.",
        "Les deux valeurs prédictives en dépendent : plus la pneumonie est rare, plus "
        "la part des fausses alertes est grande. {share:.0%} est ce qu'un service "
        "d'urgences pédiatriques américain a trouvé sur les radiographies demandées "
        "pour suspicion de pneumonie (Neuman et al. 2011) ; parmi les clichés d'ici, "
        "{here:.0%}.",
    ),
    "about zero": (
        "A count of none does not mean never. By the rule of three, none of {sick:,} "
        "may still be up to {sick_most:.1%} in truth, none of {healthy:,} up to "
        "{healthy_most:.1%}. All of this holds for films of the same hospital alone.",
        "Zéro ne veut pas dire jamais. Par la règle de trois, 0 sur {sick:,} "
        "reste compatible avec {sick_most:.1%} en réalité, 0 sur {healthy:,} avec "
        "{healthy_most:.1%}. Tout cela ne vaut que pour des clichés du même hôpital.",
    ),
    "about spoken": (
        "{threshold}: sensitivity {sensitivity}, specificity {specificity}",
        "{threshold} : sensibilité {sensitivity}, spécificité {specificity}",
    ),
    # --- plots
    "about roc": ("ROC curve", "Courbe ROC"),
    "about roc why": (
        "Sensitivity against false alarms, for every threshold; AUROC {value:.3f} "
        "({low:.3f} to {high:.3f}). The point is the threshold that is set.",
        "Sensibilité selon les fausses alertes, à chaque seuil ; AUROC {value:.3f} "
        "({low:.3f} à {high:.3f}). Le point est le seuil choisi.",
    ),
    "about false alarms": ("1 − specificity", "1 − spécificité"),
    "about reliability": (
        "Are the probabilities right?",
        "Les probabilités sont-elles justes ?",
    ),
    "about reliability why": (
        "Films in bins of their probability, the larger the more: the share that has "
        "pneumonia against the probability that was given. On the diagonal, what was "
        "said is what was so; ECE {value:.3f} ({low:.3f} to {high:.3f}).",
        "Clichés groupés par probabilité, d'autant plus gros qu'ils sont nombreux : la "
        "part des pneumonies selon la probabilité donnée. Sur la diagonale, ce qui "
        "est dit est ce qui est ; ECE {value:.3f} ({low:.3f} à {high:.3f}).",
    ),
    "about given": ("probability that was given", "probabilité donnée"),
    "about share": ("share with pneumonia", "part des pneumonies"),
    "about scores": ("Where the probabilities lie", "Répartition des probabilités"),
    "about scores why": (
        "Films by probability of pneumonia, for each label. The numbers are counts; "
        "heights are on a logarithmic scale, or the rare errors would not be seen. "
        "Grey: verdict uncertain. Line: the threshold that is set.",
        "Clichés selon la probabilité de pneumonie, pour chaque étiquette. Les nombres "
        "sont des effectifs ; les hauteurs suivent une échelle logarithmique, sans "
        "laquelle les erreurs rares ne se verraient pas. En gris : verdict incertain. "
        "Trait : le seuil choisi.",
    ),
    "about probability": ("probability of pneumonia", "probabilité de pneumonie"),
    "about confusion": ("Labels and answers", "Étiquettes et réponses"),
    "about confusion findings": (
        "Findings, at a threshold of {point}",
        "Résultats, au seuil de {point}",
    ),
    "about confusion classes": ("The likeliest class", "Classe la plus probable"),
    "about label": ("Label", "Étiquette"),
    "about word NORMAL": ("normal", "normal"),
    "about word PNEUMONIA": ("pneumonia", "pneumonie"),
    "about word BACTERIAL": ("bacterial", "bactérienne"),
    "about word VIRAL": ("viral", "virale"),
    "about confusion why": (
        "A row for each label, a column for each call; what is right is on the "
        "diagonal, in bold.",
        "Une ligne par étiquette, une colonne par réponse ; ce qui est juste est sur "
        "la diagonale, en gras.",
    ),
    # --- under changes
    "about changes": ("When the film is altered", "Quand le cliché est altéré"),
    "about changes why": (
        "The same films, changed before they are read; the figures are the network's, "
        "whether the film is refused or not.",
        "Les mêmes clichés, altérés avant d'être lus ; les chiffres sont ceux du "
        "réseau, que le cliché soit refusé ou non.",
    ),
    "about shortcut": (
        "With the lungs blacked out, only the outer tenth of each side is left, and "
        "nothing honest can be told. An AUROC of {value:.3f} there comes from the "
        "surroundings (borders, lettering, exposure): a shortcut that such data offer. "
        "Networks trained on the Kermany data reach 0.95 in this way.",
        "Poumons masqués, il ne reste que le dixième extérieur de chaque côté, et rien "
        "d'honnête ne peut être dit. Une AUROC de {value:.3f} y vient de l'entourage "
        "(bords, lettres, exposition) : un raccourci qu'offrent de telles données. Des "
        "réseaux entraînés sur les données de Kermany atteignent ainsi 0,95.",
    ),
    "about condition": ("Condition", "Condition"),
    "about refused": ("Refused", "Refusés"),
    "about word as it is": ("as it is", "tel quel"),
    "about word border blacked out": ("border blacked out", "bords masqués"),
    "about word JPEG quality 30": ("JPEG quality 30", "JPEG de qualité 30"),
    "about word blur, sigma 1.5 px of 224": (
        "blur, sigma 1.5 px of 224",
        "flou, sigma 1,5 px sur 224",
    ),
    "about word 112 px and back": ("112 px and back", "réduit à 112 px puis agrandi"),
    "about word rotated 7° left": ("rotated 7° left", "tourné de 7° à gauche"),
    "about word rotated 7° right": ("rotated 7° right", "tourné de 7° à droite"),
    "about word contrast 0.7": ("contrast 0.7", "contraste 0,7"),
    "about word contrast 1.3": ("contrast 1.3", "contraste 1,3"),
    "about word gamma 0.7": ("gamma 0.7", "gamma 0,7"),
    "about word gamma 1.4": ("gamma 1.4", "gamma 1,4"),
    "about word lungs blacked out": ("lungs blacked out", "poumons masqués"),
    # --- data and elsewhere
    "about data": ("What it learnt from", "Sur quoi il a appris"),
    "about data kermany": (
        "Frontal chest radiographs of children of one to five years, taken in the "
        "routine care of one hospital, the Guangzhou Women and Children's Medical "
        "Center (Kermany et al. 2018, CC BY 4.0). Neither age nor sex is recorded, so "
        "no figure can be split by them.",
        "Radiographies thoraciques de face d'enfants d'un à cinq ans, faites dans les "
        "soins courants d'un seul hôpital, le Guangzhou Women and Children's Medical "
        "Center, à Canton (Kermany et al. 2018, CC BY 4.0). Ni l'âge ni le sexe ne "
        "sont notés : aucun chiffre ne peut être donné par âge ou par sexe.",
    ),
    "about labels": (
        "Two physicians graded each film; a third checked the test set. Bacterial or "
        "viral is what the file name says. Patients, not films, were split: no child "
        "of the films measured here was seen in training.",
        "Deux médecins ont lu chaque cliché ; un troisième a vérifié le jeu de test. "
        "Bactérienne ou virale : c'est le nom du fichier qui le dit. La répartition "
        "s'est faite par patient, non par cliché : aucun enfant des clichés mesurés "
        "ici n'a servi à l'entraînement.",
    ),
    "about data other": (
        "Whose films these are: {data}. Who labelled them, and how, is not known here.",
        "Origine des clichés : {data}. On ne sait pas ici qui les a étiquetés, ni "
        "comment.",
    ),
    "about unstated": ("not stated", "non précisée"),
    "about elsewhere": ("Elsewhere it is worse", "Ailleurs, c'est moins bon"),
    "about test set": (
        "No figure on the official test set is claimed: none was measured for this "
        "model. Its labels were read by other eyes, and models of these data that "
        "reach 97 % on held-out training patients reach 87 to 93 % there, mostly by "
        "calling normal films pneumonia, while their AUROC stays between 0.97 and "
        "0.99.",
        "Aucun chiffre n'est avancé pour le jeu de test officiel : aucun n'y a été "
        "mesuré pour ce modèle. Ses étiquettes viennent d'autres lecteurs, et les "
        "modèles de ces données qui atteignent 97 % sur des patients mis de côté y "
        "atteignent 87 à 93 %, surtout en classant pneumonie des clichés normaux, "
        "alors que leur AUROC reste entre 0,97 et 0,99.",
    ),
    "about hospitals": (
        "Other hospitals: a network trained on the Kermany data fell from an AUC of "
        "0.95 to 0.54 on children of the same age from another hospital (Xin et al. "
        "2021). Expect normal films of other sources to be called pneumonia.",
        "Autres hôpitaux : un réseau entraîné sur les données de Kermany est tombé "
        "d'une AUC de 0,95 à 0,54 sur des enfants du même âge d'un autre hôpital (Xin "
        "et al. 2021). Attendez-vous à ce que des clichés normaux d'autre origine "
        "soient classés pneumonie.",
    ),
    "about never seen": (
        "Adults, neonates, lateral views: never seen in training.",
        "Adultes, nouveau-nés, profils : jamais vus à l'entraînement.",
    ),
    "about surroundings": (
        "Tubes, cables, lettering and black borders differ between the sources of the "
        "classes, and the network may lean on them.",
        "Sondes, câbles, lettres et bords noirs diffèrent selon l'origine des classes, "
        "et le réseau peut s'y appuyer.",
    ),
    "about weak": (
        "Bacterial against viral is far less sure than the finding.",
        "Bactérienne ou virale : bien moins sûr que la présence d'une pneumonie.",
    ),
    "about heatmap": (
        "The heatmap shows where the network's evidence lies, not where the disease "
        "is; it was not compared with anybody's outlines.",
        "La carte montre où sont les indices du réseau, non où est la maladie ; elle "
        "n'a été comparée à aucun contour tracé par un lecteur.",
    ),
    "about sources": ("Sources, and what to cite", "Sources, et quoi citer"),
}

# The report of one result, to print or keep.
TEXTS |= {
    "report title": (
        "Result of a demonstration: pneumonia on a child's chest radiograph",
        "Résultat d'une démonstration : pneumonie sur la radiographie d'un enfant",
    ),
    "report made": ("Made on {date} at {time} UTC", "Établi le {date} à {time} UTC"),
    "report not a report": (
        "This page is not a medical report, and no physician has read it. It must not "
        "enter a patient's file.",
        "Cette page n'est pas un compte rendu médical, et aucun médecin ne l'a relue. "
        "Elle ne doit pas entrer dans un dossier de patient.",
    ),
    "report radiograph": ("The radiograph as it was read", "La radiographie lue"),
    "report heatmap": ("The same under its heatmap", "La même sous sa carte d'indices"),
    "report refused": ("Refused: no answer", "Refusée : pas de réponse"),
    "report probabilities": ("Calibrated probabilities", "Probabilités calibrées"),
    "report percent": ("{value} %", "{value} %"),
    "report meaning": ("What this means", "Ce que cela veut dire"),
    "report strangeness": (
        "Strangeness {score:.2f}: how unlike the known radiographs the image is; "
        "above 1 it is refused.",
        "Étrangeté {score:.2f} : combien l'image diffère des radiographies connues ; "
        "au-delà de 1, elle est refusée.",
    ),
    "report software": ("Software", "Logiciel"),
    "report version": ("pneumonia {version}", "pneumonia {version}"),
    "report unknown": ("version unknown", "version inconnue"),
    "report cite": ("Data to cite", "Données à citer"),
    "report private": (
        "This page names neither the file nor a patient, and holds none of the file's "
        "metadata; whatever is written within the picture itself is still there. The "
        "server keeps no copy of it.",
        "Cette page ne nomme ni le fichier ni le patient, et ne contient aucune "
        "métadonnée du fichier ; ce qui est écrit dans l'image elle-même y est encore. "
        "Le serveur n'en garde pas de copie.",
    ),
}

FRENCH: dict[str, str] = {
    # --- pneumonia/imaging: load, bytes, grayscale
    "JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM": (
        "JPEG, PNG, TIFF, WebP, BMP, GIF ou DICOM"
    ),
    "a PDF document": "un document PDF",
    "a ZIP archive or an office document": "une archive ZIP ou un document bureautique",
    "a gzip archive": "une archive gzip",
    "a pointer of Git LFS in place of the file": "un pointeur de Git LFS au lieu du "
    "fichier",
    "a web page or another text": "une page web ou un autre texte",
    "The source cannot be read: it is closed, damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again.": (
        "La source ne peut pas être lue : elle est fermée, endommagée, incomplète ou "
        "trop inhabituelle. Il faut une image {formats} entière ; enregistrez-la ou "
        "exportez-la de nouveau."
    ),
    "The {format} file cannot be decoded: it is damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again.": (
        "Le fichier {format} ne peut pas être décodé : il est endommagé, incomplet ou "
        "trop inhabituel. Il faut une image {formats} entière ; enregistrez-la ou "
        "exportez-la de nouveau."
    ),
    "What is in this place is not known, as it cannot be opened: {reason}. Check its "
    "permissions.": (
        "Ce qui se trouve à cet endroit n'est pas connu, car il ne peut pas être "
        "ouvert : {reason}. Vérifiez ses droits d'accès."
    ),
    "There is not enough memory for this image. Give fewer at once, close other "
    "programs, or export it smaller.": (
        "La mémoire ne suffit pas pour cette image. Donnez-en moins à la fois, fermez "
        "d'autres programmes ou exportez-la plus petite."
    ),
    "Expected a path, bytes, an open binary file, a PIL image or a NumPy array; "
    "found {found}. Convert it to one of these.": (
        "Il faut un chemin, des octets, un fichier binaire ouvert, une image PIL ou "
        "un tableau NumPy ; reçu : {found}. Convertissez-le."
    ),
    "Expected the path of a file, found a URL. Download the file first, then pass "
    "its path or its bytes.": (
        "Il faut le chemin d'un fichier ; reçu : une URL. Téléchargez d'abord le "
        "fichier, puis donnez son chemin ou ses octets."
    ),
    "Expected the path of a file, found {found}. Name a file.": (
        "Il faut le chemin d'un fichier ; reçu : {found}. Indiquez un fichier."
    ),
    "a folder": "un dossier",
    "no regular file": "autre chose qu'un fichier ordinaire",
    "Expected the path of a readable file, but it cannot be opened: {reason}. Check "
    "the path and its permissions.": (
        "Il faut le chemin d'un fichier lisible, mais celui-ci ne s'ouvre pas : "
        "{reason}. Vérifiez le chemin et les droits d'accès."
    ),
    "it is not a valid path": "ce n'est pas un chemin valable",
    # the system's words for why
    "No such file or directory": "il n'y a ni fichier ni dossier de ce nom",
    "Permission denied": "l'accès est refusé",
    "Not a directory": "une partie du chemin n'est pas un dossier",
    "File name too long": "le nom est trop long",
    "Too many levels of symbolic links": "trop de liens symboliques se suivent",
    "Too many open files": "trop de fichiers sont ouverts",
    "Input/output error": "le disque ne répond pas correctement",
    "Expected a binary file, found one that reads {found}. Open it with mode 'rb'.": (
        "Il faut un fichier binaire ; la lecture de celui-ci donne : {found}. "
        "Ouvrez-le en mode « rb »."
    ),
    "The file is made of too many small parts. Expected one image, as common "
    "programs write it; save or export it again.": (
        "Le fichier est fait d'un trop grand nombre de petits morceaux. Il faut une "
        "seule image, telle que l'écrivent les programmes courants ; enregistrez-la "
        "ou exportez-la de nouveau."
    ),
    "Expected a {formats} file, found no data. Save it again.": (
        "Il faut un fichier {formats} ; celui-ci est vide. Enregistrez-le de nouveau."
    ),
    "Expected a {formats} file, found {found}. Export the radiograph in one of these "
    "formats.": (
        "Il faut un fichier {formats} ; reçu : {found}. Exportez la radiographie dans "
        "l'un de ces formats."
    ),
    "Expected one image, found a multi-frame {format} file. Save the page or frame "
    "that shows the radiograph as a file of its own.": (
        "Il faut une seule image ; ce fichier {format} en contient plusieurs. "
        "Enregistrez à part la page ou l'image qui montre la radiographie."
    ),
    "Expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and of "
    "bool, integers or floats; found {shape} of {dtype}. Reshape or convert it; for "
    "several images, pass them one by one.": (
        "Il faut un tableau de forme (H, W), (H, W, 1), (H, W, 3) ou (H, W, 4), de "
        "booléens, d'entiers ou de flottants ; reçu : {shape} de type {dtype}. "
        "Changez sa forme ou convertissez-le ; s'il y a plusieurs images, donnez-les "
        "une par une."
    ),
    "Expected an image with finite values, found only NaN or infinity. Check how the "
    "file or array was made.": (
        "Il faut une image aux valeurs finies ; celle-ci ne contient que NaN ou "
        "l'infini. Vérifiez comment le fichier ou le tableau a été produit."
    ),
    "The file is too large: expected at most {limit} MiB, found {found:,.0f} MiB or "
    "more. Export the radiograph compressed.": (
        "Le fichier est trop volumineux : il faut au plus {limit} Mio, il en fait "
        "{found:,.0f} ou davantage. Exportez la radiographie sous forme compressée."
    ),
    "The image is too large: expected at most {limit} megapixels, found {width:,} x "
    "{height:,}. Scale it down.": (
        "L'image est trop grande : il faut au plus {limit} mégapixels, elle compte "
        "{width:,} × {height:,} pixels. Réduisez-la."
    ),
    "The image is too small: expected at least {limit} pixels a side, found "
    "{width:,} x {height:,}. Use the original, not a thumbnail.": (
        "L'image est trop petite : il faut au moins {limit} pixels de côté, elle "
        "compte {width:,} × {height:,} pixels. Donnez l'original, et non une vignette."
    ),
    "a HEIC, AVIF or video file": "un fichier HEIC, AVIF ou vidéo",
    "a 7z archive": "une archive 7z",
    "a tar archive": "une archive tar",
    "a JPEG 2000 file": "un fichier JPEG 2000",
    "a JPEG XL file": "un fichier JPEG XL",
    "a NIfTI file": "un fichier NIfTI",
    "a NumPy file": "un fichier NumPy",
    "an NRRD file": "un fichier NRRD",
    "an HDF5 file": "un fichier HDF5",
    "an image written as base64 text": "une image écrite en base64",
    "{count:,} bytes that begin with {start}": (
        "un fichier de {count:,} o qui commence par {start}"
    ),
    # --- pneumonia/imaging/files.py
    "Expected a file that can be read, but its file system says: {found}. Check the "
    "URL and your access.": (
        "Il faut un fichier lisible ; le système de fichiers répond : {found}. "
        "Vérifiez l'URL et vos droits d'accès."
    ),
    # --- pneumonia/imaging/pillow.py
    "Expected a whole TIFF file, found an incomplete directory of tags. Copy or "
    "export the file again.": (
        "Il faut un fichier TIFF entier ; le répertoire d'étiquettes de celui-ci est "
        "incomplet. Copiez ou exportez le fichier de nouveau."
    ),
    "Expected shades of gray, found a fax: black and white alone. Export the "
    "radiograph in gray.": (
        "Il faut des niveaux de gris ; reçu : une télécopie, en noir et blanc "
        "seulement. Exportez la radiographie en niveaux de gris."
    ),
    "Expected a TIFF file of 8 or 16 bits, found samples of a kind that is not "
    "supported: {found}. Save it as gray of 16 bits, uncompressed.": (
        "Il faut un fichier TIFF de 8 ou 16 bits ; ses échantillons sont d'un type qui "
        "n'est pas pris en charge : {found}. Enregistrez-le en gris de 16 bits, sans "
        "compression."
    ),
    "Expected a TIFF file with strips or tiles of a usual size, found {found:,} "
    "values in one of its fields. Save or export it again.": (
        "Il faut un fichier TIFF à bandes ou à tuiles de taille usuelle ; un champ de "
        "celui-ci compte {found:,} valeurs. Enregistrez-le ou exportez-le de nouveau."
    ),
    "Expected a JPEG file with at most {limit} scans, found {found:,}. Save or "
    "export it again.": (
        "Il faut un fichier JPEG d'au plus {limit} passes ; celui-ci en compte "
        "{found:,}. Enregistrez-le ou exportez-le de nouveau."
    ),
    # --- pneumonia/imaging/dicom*.py; elements have the standard's own, English names
    "{element} is missing: expected an image, found {found}. Choose the file that "
    "holds the radiograph itself, or export it again.": (
        "{element} manque : il faut une image ; reçu : {found}. Choisissez le fichier "
        "de la radiographie elle-même, ou exportez-la de nouveau."
    ),
    "a damaged or cut-off file": "un fichier endommagé ou tronqué",
    "1, not a multi-frame image": "1, et non une image multi-trame",
    "1 to {most:,}": "de 1 à {most:,}",
    "{element} is '{found}'; expected no compression, or JPEG, JPEG-LS, JPEG 2000 or "
    "RLE. Export it as one of them.": (
        "{element} : « {found} » ; il faut une image sans compression, ou en JPEG, "
        "JPEG-LS, JPEG 2000 ou RLE. Exportez-la sous l'une de ces formes."
    ),
    "{element} is missing; expected a palette, not a segmented one. Export the "
    "radiograph in gray.": (
        "{element} manque ; il faut une palette, et non une palette segmentée. "
        "Exportez la radiographie en niveaux de gris."
    ),
    "{element} is in more than {limit} fragments. Export the radiograph again.": (
        "{element} est découpé en plus de {limit} fragments. Exportez la radiographie "
        "de nouveau."
    ),
    "{element} holds rows, columns and samples {found}; the header says {expected}. "
    "Export the radiograph again.": (
        "{element} contient, en lignes, colonnes et échantillons, {found} ; l'en-tête "
        "annonce {expected}. Exportez la radiographie de nouveau."
    ),
    "{element} ends too early: expected an end-of-image marker, found none. Copy or "
    "export the radiograph again.": (
        "{element} s'arrête trop tôt : il faut un marqueur de fin d'image, il n'y en "
        "a pas. Copiez ou exportez la radiographie de nouveau."
    ),
    "The deflated DICOM file is incomplete, or larger than {limit} MiB when "
    "inflated. Export it again, without deflation.": (
        "Le fichier DICOM compressé par « deflate » est incomplet, ou dépasse {limit} "
        "Mio une fois décompressé. Exportez-le de nouveau, sans cette compression."
    ),
    "{element} has {found:,} bytes; expected at most {limit:,}. Export the "
    "radiograph again.": (
        "{element} compte {found:,} octets ; il en faut au plus {limit:,}. Exportez "
        "la radiographie de nouveau."
    ),
    "{element} is {found}; expected {expected}. Export the study as a single-frame "
    "radiograph of 8 to 16 bits.": (
        "{element} : {found} ; il faut : {expected}. Exportez l'examen sous la forme "
        "d'une radiographie en une seule image, de 8 à 16 bits."
    ),
    "missing": "absent",
    "{one} or {other}": "{one} ou {other}",
    # --- pneumonia/inference/gate.py
    "Expected a chest X-ray in shades of gray, found {found} shades in all. Export it "
    "in gray, of 8 bits or more.": (
        "Il faut une radiographie du thorax en nuances de gris ; celle-ci en a {found} "
        "en tout. Exportez-la en gris, de 8 bits ou plus."
    ),
    # --- pneumonia/web/arguments.py
    "There is no endpoint {name}. There are: {names}.": (
        "Il n'y a pas de point d'accès {name}. Il y a : {names}."
    ),
    "Expected a JSON object that holds {expected}, found another. See `Use via API` on "
    "the page.": (
        "Il faut un objet JSON qui contienne {expected} ; c'en est un autre. Voyez "
        "« Utiliser via API » sur la page."
    ),
    "its arguments by name": "ses arguments par leur nom",
    "a list named data": "une liste nommée data",
    "Expected the arguments {expected} alone, found {found} more. Leave out what is "
    "not needed.": (
        "Il faut seulement les arguments {expected} ; il y en a {found} de plus. Ôtez "
        "ce qui est superflu."
    ),
    "Expected {expected} as {argument}, found {found}. Upload the file first; in "
    "Python, pass `gradio_client.handle_file(path)`, in a list where several are "
    "expected.": (
        "Il faut {expected} comme {argument} ; reçu : {found}. Téléversez d'abord le "
        "fichier ; en Python, passez `gradio_client.handle_file(path)`, dans une liste "
        "s'il en faut plusieurs."
    ),
    "an uploaded file": "un fichier téléversé",
    "a list of uploaded files": "une liste de fichiers téléversés",
    "a list": "une liste",
    "an empty list": "une liste vide",
    "one file alone": "un seul fichier",
    "another object": "un autre objet",
    "a path or another text": "un chemin ou un autre texte",
    "nothing": "rien",
    "a number or true or false": "un nombre, vrai ou faux",
    "Expected a frontal chest X-ray; the file says that it shows another part of the "
    "body. If the file is wrong, export the X-ray as PNG and give that.": (
        "Il faut une radiographie thoracique de face ; d'après le fichier, celle-ci "
        "montre une autre partie du corps. Si le fichier se trompe, exportez la "
        "radiographie en PNG et donnez-la ainsi."
    ),
    "Expected a frontal chest X-ray; the file says that it is lateral, oblique or "
    "taken lying on the side. Give the frontal one; if the file is wrong, export the "
    "X-ray as PNG and give that.": (
        "Il faut une radiographie thoracique de face ; d'après le fichier, celle-ci "
        "est de profil, oblique ou prise en décubitus latéral. Donnez celle de face ; "
        "si le fichier se trompe, exportez la radiographie en PNG et donnez-la ainsi."
    ),
    "The file says that this is the X-ray of an adult, 18 years old or more. The model "
    "was made from children's X-rays and measured on them: what it says of an adult's "
    "does not hold.": (
        "D'après le fichier, c'est la radiographie d'un adulte, de 18 ans ou plus. Le "
        "modèle a été fait et mesuré sur des radiographies d'enfants : ce qu'il dit "
        "d'un adulte ne vaut pas."
    ),
    "Expected a frontal chest radiograph, found a picture in colour. Give the "
    "radiograph itself, in grey, not a photograph or a drawing.": (
        "Il faut une radiographie thoracique de face ; cette image est en couleurs. "
        "Donnez la radiographie elle-même, en niveaux de gris, et non une "
        "photographie ou un dessin."
    ),
    "Expected a frontal chest radiograph, found what looks like a drawing, a "
    "document or a screenshot: half of it or more is one shade. Give the radiograph "
    "alone.": (
        "Il faut une radiographie thoracique de face ; cette image ressemble à un "
        "dessin, à un document ou à une capture d'écran : la moitié au moins est "
        "d'une seule teinte. Donnez la radiographie seule."
    ),
    "Expected a chest radiograph with white bones on black air, found what looks "
    "like its negative. If it is one, invert it and give it again.": (
        "Il faut une radiographie thoracique où l'os est blanc et l'air noir ; cette "
        "image ressemble à un négatif. Si c'en est un, inversez-le et donnez-le de "
        "nouveau."
    ),
    "Expected an upright frontal chest radiograph, found what looks like one turned "
    "to the right. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tournée vers la droite. Si c'en est une, "
        "redressez-la et donnez-la de nouveau."
    ),
    "Expected an upright frontal chest radiograph, found what looks like one turned "
    "to the left. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tournée vers la gauche. Si c'en est une, "
        "redressez-la et donnez-la de nouveau."
    ),
    "Expected an upright frontal chest radiograph, found what looks like one upside "
    "down. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tête en bas. Si c'en est une, redressez-la et "
        "donnez-la de nouveau."
    ),
    "Expected a frontal chest radiograph, found an image unlike those that the model "
    "knows: another view, another part of the body, or something else. If it is a "
    "frontal chest radiograph, give it whole, upright and unedited.": (
        "Il faut une radiographie thoracique de face ; cette image diffère de celles "
        "que le modèle connaît : autre incidence, autre partie du corps ou tout autre "
        "chose. Si c'est une radiographie thoracique de face, donnez-la entière, à "
        "l'endroit et sans retouche."
    ),
    # --- assistants.py
    "Expected the package mcp for --mcp, found none. Install it with `pip install "
    '"gradio[mcp]"`.': (
        "Il faut le paquet mcp pour --mcp ; il n'est pas installé. Installez-le avec "
        '`pip install "gradio[mcp]"`.'
    ),
    # --- guard.py
    "Expected at most {limit} files at once, found {found:,}. Give fewer.": (
        "Il faut au plus {limit} fichiers à la fois ; reçus : {found:,}. Donnez-en "
        "moins."
    ),
    "The server has no room for files now. Try again in an hour.": (
        "Le serveur n'a plus de place pour des fichiers en ce moment. Réessayez dans "
        "une heure."
    ),
    "Something went wrong on the server. Try again, or another file.": (
        "Une erreur s'est produite sur le serveur. Réessayez, ou donnez un autre "
        "fichier."
    ),
    "Expected an uploaded file, found a URL. Download the file, then upload it.": (
        "Il faut un fichier envoyé au serveur ; reçu : une URL. Téléchargez le "
        "fichier, puis envoyez-le."
    ),
    "Expected an uploaded file, found none. Upload it, once more if that was an hour "
    "ago: it was deleted.": (
        "Il faut un fichier envoyé au serveur ; il n'y en a pas. Envoyez-le, de "
        "nouveau si c'était il y a une heure : il a été supprimé."
    ),
    "Not found": "Introuvable",
    "Expected at most {limit} MiB, found more.": (
        "Il faut au plus {limit} Mio ; il y en a davantage."
    ),
    "{reason} Try again in a minute.": "{reason} Réessayez dans une minute.",
    # the words of Gradio's queue
    "Queue is full. Max size is {limit} and size is {size}.": (
        "La file d'attente est pleine : {size} demandes sur {limit} au plus."
    ),
    "Queue is stopped.": "La file d'attente est fermée.",
    # --- app.py
    "Expected radiographs, found no file. Upload some.": (
        "Il faut des radiographies ; aucun fichier reçu. Envoyez-en."
    ),
    "Expected a radiograph, found no file. Upload one.": (
        "Il faut une radiographie ; aucun fichier n'a été reçu. Envoyez-en une."
    ),
}


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
    """A sentence of the package or the server in a language, if it is known in it.

    Args:
        message: `error.message`, `prediction.error` or `prediction.refusal`, say; in a
            `Message`, words among its values are translated too.
        language: of `LANGUAGES`.
    """
    template = getattr(message, "template", message)
    if language == "en" or template not in FRENCH:
        return str(message)
    french, values = typeset(FRENCH[template]), getattr(message, "values", None)
    if not values:
        return french
    words = {
        name: translate(value, language) if isinstance(value, str) else value
        for name, value in values.items()
    }
    return _Local(language).format(french, **words)


def language_of(headers: Mapping[str, str]) -> str:
    """The language that a request asks for, by the weights of RFC 9110, 12.5.4.

    Args:
        headers: of the request, where names are found in lower case.
    Returns:
        Of `LANGUAGES`: the first one where the request asks for none.
    """
    weights: dict[str, float] = {}
    for choice in headers.get("accept-language", "").lower().split(","):
        if match := _CHOICE.fullmatch(choice.strip()):
            language, weight = match.groups(default="1")
            weights[language] = max(float(weight), weights.get(language, 0))
    wanted = [it for it, weight in weights.items() if it in LANGUAGES and weight > 0]
    return max(wanted, key=weights.get, default=next(iter(LANGUAGES)))


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
    return re.sub(r" (?=[:;?!%»×]|Mio\b)|(?<=[«×]) ", "\u202f", text)


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
