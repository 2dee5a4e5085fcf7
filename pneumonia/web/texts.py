"""Every text of the page, in English and in French: the one file to translate.

`TEXTS` is what the page itself says, by key. `FRENCH` is what the package and the
server say, by the English sentence, or its template, that stands in the code.
"""

# key -> the text in each language, in the order of `translations.LANGUAGES`.
TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "Pneumonia in children's chest X-rays",
        "Pneumonie sur la radiographie thoracique de l'enfant",
    ),
    "heading": (
        "# Pneumonia in children's chest X\u2011rays\n\n"
        "Give a child's frontal chest X-ray: "
        "the model says how probable pneumonia is, shows where it sees it, and says "
        "when it cannot tell. **A demonstration, not a medical device.**",
        "# Pneumonie sur la radiographie thoracique de l'enfant\n\nDonnez la "
        "radiographie thoracique de face d'un enfant : le modèle estime la probabilité "
        "d'une pneumonie, montre où il la voit et dit quand il ne sait pas. **Une "
        "démonstration, pas un dispositif médical.**",
    ),
    "notice": (
        "Not a medical device: not for diagnosis, nor any other medical use.",
        "Pas un dispositif médical : ni pour le diagnostic, ni pour aucun autre usage "
        "médical.",
    ),
    "language": ("Language", "Langue"),
    # --- one X-ray
    "tab one": ("One X-ray", "Une radio"),
    "tab many": ("Many X-rays", "Plusieurs"),
    "tab model": ("The model", "Le modèle"),
    "drop": (
        "Drop, paste or choose an X-ray, DICOM too",
        "Déposez ou collez une radio, DICOM aussi",
    ),
    "several": (
        "Only the first of {count:,} X-rays is answered here. Answer all",
        "Seule la première des {count:,} radiographies reçoit ici une réponse. "
        "Répondre à toutes",
    ),
    "child": ("Is it a child of 1 to 5 years?", "Est-ce un enfant d'un à cinq ans ?"),
    "yes": ("Yes", "Oui"),
    "no": ("No", "Non"),
    "unknown": ("Don't know", "Ne sais pas"),
    "privacy": (
        "Deleted within 70 minutes, not shared, not logged. Remove names first.",
        "Effacée avant 70 minutes, ni transmise ni journalisée. Retirez les noms "
        "avant.",
    ),
    "samples": (
        "Or try a sample. Each is made from several children's X-rays, or drawn; none "
        "shows a real child.",
        "Ou essayez un exemple. Chacun est composé de plusieurs radiographies, ou "
        "dessiné ; aucun ne montre un enfant réel.",
    ),
    "group normal": ("Normal", "Normal"),
    "group bacterial": ("Bacterial pneumonia", "Pneumonie bactérienne"),
    "group viral": ("Viral pneumonia", "Pneumonie virale"),
    "group limits": ("Where it fails", "Où il échoue"),
    "sample refused": ("Refused", "Refusée"),
    "sample uncertain": ("Uncertain", "Incertaine"),
    "sample unfamiliar": ("Unfamiliar", "Inhabituelle"),
    "look normal": (
        "Sample. To look for: clear lungs, sharp outlines of heart and diaphragm.",
        "Exemple. À regarder : poumons clairs, contours nets du cœur et du diaphragme.",
    ),
    "look bacterial_1": (
        "Sample. To look for: the child's left lung (right of the picture) is denser.",
        "Exemple. À regarder : le poumon gauche de l'enfant (à droite de l'image) est "
        "plus dense.",
    ),
    "look bacterial_2": (
        "Sample. To look for: the child's left lung (right of the picture) is white "
        "over much of its height.",
        "Exemple. À regarder : le poumon gauche de l'enfant (à droite de l'image) est "
        "blanc sur une grande hauteur.",
    ),
    "look bacterial_3": (
        "Sample. To look for: a dense upper zone of the child's right lung (left of "
        "the picture).",
        "Exemple. À regarder : la partie haute du poumon droit de l'enfant (à gauche "
        "de l'image) est dense.",
    ),
    "look viral": (
        "Sample. To look for: streaks around both hila, no single dense area.",
        "Exemple. À regarder : des stries autour des deux hiles, sans zone dense "
        "unique.",
    ),
    "look viral_4": (
        "Sample. To look for: faint changes only, easy to miss.",
        "Exemple. À regarder : des signes discrets, faciles à manquer.",
    ),
    "look refused": (
        "Sample. A drawn hand: what is no frontal chest X-ray must get no verdict.",
        "Exemple. Une main dessinée : ce qui n'est pas un thorax de face ne doit "
        "recevoir aucun verdict.",
    ),
    "look uncertain": (
        "Sample. A normal and a pneumonia laid over one another: a good answer is "
        "that it cannot tell.",
        "Exemple. Une radiographie normale et une pneumonie superposées : une bonne "
        "réponse est de ne pas savoir.",
    ),
    "look unfamiliar": (
        "Sample. A DICOM file that says its patient is an adult: the number that the "
        "network gives is worth nothing here.",
        "Exemple. Un fichier DICOM d'après lequel le patient est adulte : le chiffre "
        "du réseau ne vaut rien ici.",
    ),
    "failed": ("Cannot be read", "Illisible"),
    "refused": ("Refused: no answer", "Refusée : pas de réponse"),
    "refused expected": (
        "Only whole, upright frontal chest X-rays (PA or AP) with white bones on black "
        "get an answer. For anything else a figure would mean nothing.",
        "Seules les radiographies thoraciques de face (PA ou AP), entières, à "
        "l'endroit, os blancs sur fond noir, reçoivent une réponse. Pour toute autre "
        "image, un chiffre ne voudrait rien dire.",
    ),
    # --- the answer
    "NORMAL": ("Normal", "Normal"),
    "PNEUMONIA": ("Pneumonia", "Pneumonie"),
    "UNCERTAIN": ("Uncertain", "Incertain"),
    "unfamiliar": (
        "Unfamiliar X-ray: no verdict",
        "Radiographie inhabituelle : pas de verdict",
    ),
    "word NORMAL": ("normal", "normal"),
    "word PNEUMONIA": ("pneumonia", "pneumonie"),
    "word BACTERIAL": ("bacterial", "bactérienne"),
    "word VIRAL": ("viral", "virale"),
    "probability": (
        "{p} % probability of pneumonia",
        "Probabilité de pneumonie : {p} %",
    ),
    "number without promise": (
        "The network gives {p} % for pneumonia. For an image like this nobody measured "
        "how often such a number is right.",
        "Le réseau donne {p} % pour une pneumonie. Pour une telle image, personne n'a "
        "mesuré si ce chiffre est juste.",
    ),
    "cause": (
        "Guess at the cause: {more} rather than {less}; right {times} times in 10.",
        "Cause supposée : {more} plutôt que {less} ; juste {times} fois sur 10.",
    ),
    "cause unmeasured": (
        "Guess at the cause: {more} rather than {less}; how often that is right was "
        "not measured.",
        "Cause supposée : {more} plutôt que {less} ; on n'a pas mesuré si c'est "
        "souvent juste.",
    ),
    "caveats": ("Why this may be wrong", "Pourquoi cela peut être faux"),
    "not a child": (
        "You said that this is no child of 1 to 5 years. The model was made from such "
        "children's X-rays alone: what it says of others does not hold.",
        "Vous avez indiqué que ce n'est pas un enfant d'un à cinq ans. Le modèle n'a "
        "appris que sur de tels enfants : ce qu'il dit des autres ne vaut pas.",
    ),
    "elsewhere": (
        "On X-rays of other hospitals: {groups}.",
        "Sur des radiographies d'autres hôpitaux : {groups}.",
    ),
    "elsewhere between": ("; ", " ; "),
    "elsewhere all children": (
        "children ({count:,}), {normals_called:.0%} of the normal ones called "
        "pneumonia, {pneumonias_missed:.0%} of the pneumonias missed",
        "enfants ({count:,}), {normals_called:.0%} des normales dites pneumonie, "
        "{pneumonias_missed:.0%} des pneumonies manquées",
    ),
    "elsewhere all adults": (
        "adults ({count:,}), {normals_called:.0%} of the normal ones called "
        "pneumonia, {pneumonias_missed:.0%} of the pneumonias missed",
        "adultes ({count:,}), {normals_called:.0%} des normales dites pneumonie, "
        "{pneumonias_missed:.0%} des pneumonies manquées",
    ),
    "elsewhere unmeasured": (
        "What this model does on X-rays of other hospitals was not measured. Expect it "
        "to call normal ones pneumonia.",
        "Ce que fait ce modèle sur des radiographies d'autres hôpitaux n'a pas été "
        "mesuré. Attendez-vous à de fausses alertes.",
    ),
    "caveat NORMAL": (
        "Early or faint pneumonia, or one behind the heart, can look normal. Normal "
        "does not mean healthy: no other disease is looked for.",
        "Une pneumonie débutante, discrète ou derrière le cœur peut paraître normale. "
        "Normal ne veut pas dire en bonne santé : aucune autre maladie n'est "
        "recherchée.",
    ),
    "caveat PNEUMONIA": (
        "A collapsed part of a lung, a large thymus, an X-ray taken breathing out, "
        "other lung disease or a tube can look like pneumonia.",
        "Une atélectasie, un thymus volumineux, une radiographie prise en expiration, "
        "une autre maladie du poumon ou une sonde peuvent ressembler à une pneumonie.",
    ),
    "caveat UNCERTAIN": (
        "The evidence is weak or contradictory: take it as no answer.",
        "Les indices sont faibles ou contradictoires : considérez que c'est une "
        "absence de réponse.",
    ),
    "caveat children": (
        "It learned mostly from children of 1 to 5 years of one hospital (Guangzhou). "
        "Other ages and machines may mislead it.",
        "Il a appris surtout sur des enfants d'un à cinq ans d'un seul hôpital "
        "(Canton). D'autres âges et d'autres appareils peuvent le tromper.",
    ),
    "caveat data": (
        "It learned from these X-rays: {data}. Other ages and machines may mislead it.",
        "Il a appris sur ces radiographies : {data}. D'autres âges et d'autres "
        "appareils peuvent le tromper.",
    ),
    "caveat unstated": (
        "Whose X-rays it learned from is not stated. Ages and machines that it does "
        "not know may mislead it.",
        "L'origine des radiographies sur lesquelles il a appris n'est pas précisée. "
        "Des âges et des appareils qu'il ne connaît pas peuvent le tromper.",
    ),
    "caveat no gate": (
        "This model refuses nothing: a photograph of a cat gets a figure, too.",
        "Ce modèle ne refuse rien : la photographie d'un chat reçoit un chiffre, elle "
        "aussi.",
    ),
    "rules": ("Rules and numbers", "Règles et chiffres"),
    "meaning": (
        "Of the X-rays like it that get this figure, {p} % show pneumonia, where "
        "{prior:.0%} of all do. Where pneumonia is rarer, fewer do.",
        "Parmi les radiographies semblables qui reçoivent ce chiffre, {p} % montrent "
        "une pneumonie, là où {prior:.0%} de toutes en montrent une. Là où elle est "
        "plus rare, elles sont moins nombreuses.",
    ),
    "NORMAL why": (
        "Normal is said only where pneumonia can be ruled out.",
        "« Normal » n'est dit que si la pneumonie peut être écartée.",
    ),
    "PNEUMONIA why": (
        "Pneumonia is said only where normal can be ruled out.",
        "« Pneumonie » n'est dit que si le normal peut être écarté.",
    ),
    "UNCERTAIN why": (
        "Here neither normal nor pneumonia can be ruled out, or both, or only the "
        "likelier.",
        "Ici, ni le normal ni la pneumonie ne peuvent être écartés, ou les deux le "
        "sont, ou seulement le plus probable.",
    ),
    "rule": (
        "The limits are set so that {coverage:.0%} of either kind keep their true "
        "finding, on X-rays like those it was measured on.",
        "Les limites sont telles que {coverage:.0%} de chaque sorte gardent leur vrai "
        "résultat, sur des radiographies comme celles qui ont servi à la mesure.",
    ),
    "shares": ("If it is pneumonia:", "Si c'est une pneumonie :"),
    "score": (
        "Out-of-distribution score {score:.2f}: how unlike the X-rays it knows the "
        "image is; above 1 it is refused.",
        "Score hors distribution {score:.2f} : combien l'image diffère des "
        "radiographies connues ; au-delà de 1, elle est refusée.",
    ),
    "model": ("Model: {model} ({label}).", "Modèle : {model} ({label})."),
    "word bundled": ("bundled with the software", "fourni avec le logiciel"),
    # --- the heatmap
    "heatmap": (
        "Left: the X-ray. Right: the evidence",
        "À gauche : la radio. À droite : les indices",
    ),
    "map": (
        "Most evidence for pneumonia: {part} third, {side}.",
        "Le plus d'indices de pneumonie : tiers {part}, {side}.",
    ),
    "map cold": (
        "No place speaks for pneumonia.",
        "Aucun endroit n'évoque une pneumonie.",
    ),
    "upper": ("upper", "supérieur"),
    "middle": ("middle", "moyen"),
    "lower": ("lower", "inférieur"),
    "left": (
        "on the child's left (right of the picture)",
        "à gauche de l'enfant (à droite de l'image)",
    ),
    "right": (
        "on the child's right (left of the picture)",
        "à droite de l'enfant (à gauche de l'image)",
    ),
    "midline": ("in the midline", "sur la ligne médiane"),
    "speaks normal": ("speaks for normal", "évoque le normal"),
    "speaks pneumonia": ("speaks for pneumonia", "évoque une pneumonie"),
    "heatmap why": ("What the colours mean", "Ce que veulent dire les couleurs"),
    "heatmap rules": (
        "The network's evidence at each place, on the same scale for every X-ray: "
        "log-odds from −{limit:g} to +{limit:g}; here from {low:+.1f} to {high:+.1f}. "
        "Places with little evidence have no colour. It shows what the network used, "
        "not where disease is.",
        "Les indices du réseau en chaque point, sur la même échelle pour toutes les "
        "radiographies : log-cote de −{limit:g} à +{limit:g} ; ici de {low:+.1f} à "
        "{high:+.1f}. Sans couleur : peu d'indices. La carte montre ce que le réseau a "
        "utilisé, pas où est la maladie.",
    ),
    "outline": (
        "the lungs, as the model finds them",
        "les poumons, tels que le modèle les trouve",
    ),
    "save": ("Save this result", "Enregistrer ce résultat"),
    "printout": (
        "Result of a demonstration",
        "Résultat d'une démonstration",
    ),
    "printout made": ("Made on {date} at {time} UTC", "Établi le {date} à {time} UTC"),
    "printout no report": (
        "This page is not a medical report, and no physician has read it. It must not "
        "enter a patient's file. It holds neither the file's name nor its metadata.",
        "Cette page n'est pas un compte rendu médical, et aucun médecin ne l'a relue. "
        "Elle ne doit pas entrer dans un dossier de patient. Elle ne contient ni le "
        "nom du fichier ni ses métadonnées.",
    ),
    "printout cite": ("Data to cite: {data}", "Données à citer : {data}"),
    # --- many X-rays
    "many": (
        "Give files, or a folder: images and DICOM, up to 500 at once. One "
        "unreadable file does not stop the rest.",
        "Donnez des fichiers ou un dossier : images et DICOM, jusqu'à 500 à la "
        "fois. Un fichier illisible n'arrête pas les autres.",
    ),
    "files": ("Drop or choose X-rays", "Déposez ou choisissez des radiographies"),
    "folder": ("Choose a folder", "Choisir un dossier"),
    "stop": ("Stop", "Arrêter"),
    "clear": ("Clear", "Effacer"),
    "answers": (
        "Answers: choose a row to see it below",
        "Réponses : choisissez une ligne pour la voir dessous",
    ),
    "csv": ("The table as CSV", "Le tableau en CSV"),
    "progress": ("{done:,} of {total:,} read", "{done:,} sur {total:,}"),
    "gone": (
        "This X-ray is no longer on the server. Give it again.",
        "Cette radiographie n'est plus sur le serveur. Donnez-la de nouveau.",
    ),
    "row NORMAL": ("Normal", "Normal"),
    "row PNEUMONIA": ("Pneumonia", "Pneumonie"),
    "row UNCERTAIN": ("Uncertain", "Incertain"),
    "row unfamiliar": ("Unfamiliar", "Inhabituelle"),
    "row refused": ("Refused", "Refusée"),
    "row failed": ("Unreadable", "Illisible"),
    "column number": ("No.", "N°"),
    "column image": ("X-ray", "Image"),
    "column file": ("File", "Fichier"),
    "column verdict": ("Verdict", "Verdict"),
    "column p": ("Pneumonia %", "Pneumonie %"),
    "column kind": ("If so", "Si oui"),
}

# The page about the model; after "word" stands a word of the model's report.
TEXTS |= {
    "elsewhere title": ("At other hospitals", "Dans d'autres hôpitaux"),
    "xin": (
        "A network trained on the same data fell from an AUC of 0.95 to 0.54 on "
        "children of the same age from another hospital (Xin et al. 2021).",
        "Un réseau entraîné sur les mêmes données est tombé d'une AUC de 0,95 à 0,54 "
        "sur des enfants du même âge d'un autre hôpital (Xin et al. 2021).",
    ),
    "hospitals": (
        "Networks often fail on other hospitals' X-rays.",
        "Les réseaux échouent souvent sur les radiographies d'autres hôpitaux.",
    ),
    "figures title": (
        "At the hospital that it learned from",
        "Dans l'hôpital où il a appris",
    ),
    "no report": (
        "No report of this network is here: take its answers as untested. The card of "
        "a model from the Hub may have figures.",
        "Aucun rapport sur ce réseau ne se trouve ici : considérez ses réponses comme "
        "non vérifiées. La fiche d'un modèle du Hub peut donner des chiffres.",
    ),
    "measured on": (
        "{images:,} X-rays of {patients:,} patients that the network never saw; "
        "{refused:,} were refused, {unreadable:,} could not be read. In brackets: "
        "interval at 95 %.",
        "{images:,} radiographies de {patients:,} patients que le réseau n'a jamais "
        "vus ; refusées : {refused:,}, illisibles : {unreadable:,}. Entre "
        "parenthèses : intervalle à 95 %.",
    ),
    "flattered": (
        "Its limits were fitted on the same X-rays, which flatters the figures a "
        "little.",
        "Ses limites ont été ajustées sur ces mêmes radiographies, ce qui flatte un "
        "peu les chiffres.",
    ),
    "column figure": ("Figure", "Mesure"),
    "column value": ("Value", "Valeur"),
    "column why": ("What it says", "Ce que cela dit"),
    "estimate": (
        "{value:.3f} ({low:.3f}\u00a0to\u00a0{high:.3f})",
        "{value:.3f} ({low:.3f}\u00a0à\u00a0{high:.3f})",
    ),
    "percent": ("{value:.1%}", "{value:.1%}"),
    "figure AUROC": ("AUROC", "AUROC"),
    "why AUROC": (
        "how often a pneumonia scores above a normal X-ray",
        "fréquence à laquelle une pneumonie dépasse une radiographie normale",
    ),
    "figure sensitivity": ("Sensitivity", "Sensibilité"),
    "why sensitivity": (
        "share of the pneumonias that are called so",
        "part des pneumonies qui sont trouvées",
    ),
    "figure specificity": ("Specificity", "Spécificité"),
    "why specificity": (
        "share of the normal X-rays that are called so",
        "part des radiographies normales dites normales",
    ),
    "figure accuracy": ("Accuracy", "Exactitude"),
    "why accuracy": ("share called as labelled", "part des réponses justes"),
    "figure ECE": ("Calibration error", "Erreur de calibration"),
    "why ECE": (
        "mean distance of the probability from the truth; 0 is best",
        "écart moyen entre la probabilité et la réalité ; 0 au mieux",
    ),
    "figure pathogen": ("Cause told right", "Cause juste"),
    "why pathogen": (
        "bacterial or viral, among the pneumonias",
        "bactérienne ou virale, parmi les pneumonies",
    ),
    "figure unsure": ("Uncertain", "Incertain"),
    "why unsure": ("share that gets no verdict", "part sans verdict"),
    "figure ppv": ("Positive predictive value", "Valeur prédictive positive"),
    "why ppv": (
        "of those called pneumonia, the share that has it",
        "part des pneumonies parmi les images dites pneumonie",
    ),
    "figure npv": ("Negative predictive value", "Valeur prédictive négative"),
    "why npv": (
        "of those called normal, the share that is",
        "part des normales parmi les images dites normales",
    ),
    "roc title": ("ROC curve", "Courbe ROC"),
    "roc x": ("1 − specificity", "1 − spécificité"),
    "roc y": ("Sensitivity", "Sensibilité"),
    "reliability title": (
        "Are the probabilities right?",
        "Les probabilités sont-elles justes ?",
    ),
    "reliability x": ("Probability given", "Probabilité donnée"),
    "reliability y": ("Share with pneumonia", "Part des pneumonies"),
    "line model": ("model", "modèle"),
    "line many": ("20 X-rays or more", "20 radiographies ou plus"),
    "line few": ("fewer", "moins"),
    "line ideal": ("ideal", "idéal"),
    "line chance": ("chance", "hasard"),
    "threshold title": (
        "## What would another threshold cost?",
        "## Que coûterait un autre seuil ?",
    ),
    "threshold": (
        "Called pneumonia from this probability on",
        "Dite pneumonie à partir de cette probabilité",
    ),
    "prevalence": (
        "Share of the children who have pneumonia",
        "Part des enfants qui ont une pneumonie",
    ),
    "costs": (
        "{missed:,} of {positive:,} pneumonias missed; {alarms:,} false alarms in "
        "{negative:,} normal X-rays.",
        "Pneumonies manquées : {missed:,} sur {positive:,} ; fausses alertes : "
        "{alarms:,} sur {negative:,} radiographies normales.",
    ),
    "prevalence why": (
        "The rarer pneumonia is, the more of the alarms are false. {share:.0%} is "
        "what a children's emergency department found on X-rays taken for suspected "
        "pneumonia (Neuman et al. 2011).",
        "Plus la pneumonie est rare, plus les fausses alertes sont nombreuses. "
        "{share:.0%} : ce qu'un service d'urgences pédiatriques a trouvé sur les "
        "radiographies demandées pour suspicion de pneumonie (Neuman et al. 2011).",
    ),
    "model card": ("The model card, in English", "La fiche du modèle, en anglais"),
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
    "Expected a {formats} file, found {found}. Export the X-ray in one of these "
    "formats.": (
        "Il faut un fichier {formats} ; reçu : {found}. Exportez la radiographie dans "
        "l'un de ces formats."
    ),
    "Expected one image, found a multi-frame {format} file. Save the page or frame "
    "that shows the X-ray as a file of its own.": (
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
    "more. Export the X-ray compressed.": (
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
    "X-ray in gray.": (
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
    "holds the X-ray itself, or export it again.": (
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
    "X-ray in gray.": (
        "{element} manque ; il faut une palette, et non une palette segmentée. "
        "Exportez la radiographie en niveaux de gris."
    ),
    "{element} is in more than {limit} fragments. Export the X-ray again.": (
        "{element} est découpé en plus de {limit} fragments. Exportez la radiographie "
        "de nouveau."
    ),
    "{element} holds rows, columns and samples {found}; the header says {expected}. "
    "Export the X-ray again.": (
        "{element} contient, en lignes, colonnes et échantillons, {found} ; l'en-tête "
        "annonce {expected}. Exportez la radiographie de nouveau."
    ),
    "{element} ends too early: expected an end-of-image marker, found none. Copy or "
    "export the X-ray again.": (
        "{element} s'arrête trop tôt : il faut un marqueur de fin d'image, il n'y en "
        "a pas. Copiez ou exportez la radiographie de nouveau."
    ),
    "The deflated DICOM file is incomplete, or larger than {limit} MiB when "
    "inflated. Export it again, without deflation.": (
        "Le fichier DICOM compressé par « deflate » est incomplet, ou dépasse {limit} "
        "Mio une fois décompressé. Exportez-le de nouveau, sans cette compression."
    ),
    "{element} has {found:,} bytes; expected at most {limit:,}. Export the "
    "X-ray again.": (
        "{element} compte {found:,} octets ; il en faut au plus {limit:,}. Exportez "
        "la radiographie de nouveau."
    ),
    "{element} is {found}; expected {expected}. Export it as a single-frame "
    "X-ray of 8 to 16 bits.": (
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
    # --- pneumonia/web/limits.py
    "There is no endpoint {name}. There are: {names}.": (
        "Il n'y a pas de point d'accès {name}. Il y a : {names}."
    ),
    "Expected {expected} as {argument}, and nothing else. Upload the file first; in "
    "Python, pass `gradio_client.handle_file(path)`, in a list where several are "
    "expected.": (
        "Il faut {expected} comme {argument}, et rien d'autre. Envoyez d'abord le "
        "fichier ; en Python, passez `gradio_client.handle_file(path)`, dans une liste "
        "s'il en faut plusieurs."
    ),
    "an uploaded file": "un fichier envoyé au serveur",
    "a list of uploaded files": "une liste de fichiers envoyés",
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
    "The evidence contradicts itself: nearly as much of this X-ray speaks against "
    "pneumonia as for it. At other hospitals, such answers were wrong at least twice "
    "as often as the rest.": (
        "Les indices se contredisent : presque autant d'endroits de cette radiographie "
        "parlent contre une pneumonie que pour. Dans d'autres hôpitaux, de telles "
        "réponses étaient fausses au moins deux fois plus souvent que les autres."
    ),
    "The two lungs could not be told from the rest of the X-ray, so the model looked "
    "at all of it, and may go by what lies around them.": (
        "Les deux poumons n'ont pas pu être distingués du reste de la radiographie : "
        "le modèle l'a regardée en entier, et peut se fier à ce qui les entoure."
    ),
    "Most of what the model takes for pneumonia lies outside the lungs. Distrust this "
    "answer.": (
        "L'essentiel de ce que le modèle prend pour une pneumonie se trouve hors des "
        "poumons. Méfiez-vous de cette réponse."
    ),
    "Expected a frontal chest X-ray, found a picture in colour. Give the X-ray itself, "
    "in grey, not a photograph or a drawing.": (
        "Il faut une radiographie thoracique de face ; cette image est en couleurs. "
        "Donnez la radiographie elle-même, en niveaux de gris, et non une "
        "photographie ou un dessin."
    ),
    "Expected a frontal chest X-ray, found what looks like a drawing, a document or a "
    "screenshot: half of it or more is one shade. Give the X-ray alone.": (
        "Il faut une radiographie thoracique de face ; cette image ressemble à un "
        "dessin, à un document ou à une capture d'écran : la moitié au moins est "
        "d'une seule teinte. Donnez la radiographie seule."
    ),
    "Expected a chest X-ray with white bones on black air, found what looks like its "
    "negative. If it is one, invert it and give it again.": (
        "Il faut une radiographie thoracique où l'os est blanc et l'air noir ; cette "
        "image ressemble à un négatif. Si c'en est un, inversez-le et donnez-le de "
        "nouveau."
    ),
    "Expected an upright frontal chest X-ray, found what looks like one turned to the "
    "right. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tournée vers la droite. Si c'en est une, "
        "redressez-la et donnez-la de nouveau."
    ),
    "Expected an upright frontal chest X-ray, found what looks like one turned to the "
    "left. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tournée vers la gauche. Si c'en est une, "
        "redressez-la et donnez-la de nouveau."
    ),
    "Expected an upright frontal chest X-ray, found what looks like one upside "
    "down. If it is one, turn it upright and give it again.": (
        "Il faut une radiographie thoracique de face à l'endroit ; cette image "
        "ressemble à une radiographie tête en bas. Si c'en est une, redressez-la et "
        "donnez-la de nouveau."
    ),
    "Expected a frontal chest X-ray, found an image unlike those that the model knows: "
    "another view, another part of the body, or something else. If it is a frontal "
    "chest X-ray, give it whole, upright and unedited.": (
        "Il faut une radiographie thoracique de face ; cette image diffère de celles "
        "que le modèle connaît : autre incidence, autre partie du corps ou tout autre "
        "chose. Si c'est une radiographie thoracique de face, donnez-la entière, à "
        "l'endroit et sans retouche."
    ),
    # --- pneumonia/web/server.py
    "Too many calls are under way. Try again in a minute.": (
        "Trop d'appels sont en cours. Réessayez dans une minute."
    ),
    "Expected JSON, found something else.": "Il faut du JSON ; reçu : autre chose.",
    "Expected at most {limit} files at once, found {found:,}. Give fewer.": (
        "Il faut au plus {limit} fichiers à la fois ; reçus : {found:,}. Donnez-en "
        "moins."
    ),
    "The server is about to stop. Try again in a minute.": (
        "Le serveur va s'arrêter. Réessayez dans une minute."
    ),
    "The server has no room for files now. Try again in an hour.": (
        "Le serveur n'a plus de place pour des fichiers en ce moment. Réessayez dans "
        "une heure."
    ),
    "Something went wrong on the server. Try again, or another file.": (
        "Une erreur s'est produite sur le serveur. Réessayez, ou donnez un autre "
        "fichier."
    ),
    "Expected an uploaded file, found none; URLs and paths are not opened. Upload it, "
    "once more if that was an hour ago: it was deleted.": (
        "Il faut un fichier envoyé au serveur ; il n'y en a pas. Ni une URL ni un "
        "chemin n'est ouvert. Envoyez-le, de nouveau si c'était il y a une heure : il "
        "a été supprimé."
    ),
    "Not found": "Introuvable",
    "Expected at most {limit} MiB, found more.": (
        "Il faut au plus {limit} Mio ; il y en a davantage."
    ),
    # --- app.py
    "Expected X-rays, found no file. Upload some.": (
        "Il faut des radiographies ; aucun fichier reçu. Envoyez-en."
    ),
    "Expected an X-ray, found no file. Upload one.": (
        "Il faut une radiographie ; aucun fichier n'a été reçu. Envoyez-en une."
    ),
}
