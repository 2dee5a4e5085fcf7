// The sliders of the page about the model. thresholds.py works the same out at first.
"use strict";
{
  const root = document.documentElement;
  const isFrench = () => (root.dataset.language || root.lang).startsWith("fr");
  const local = text => isFrench() ? text.replace(".", ",") : text;
  const percent = (value, digits) =>
    value === null ? "–" : local(`${(100 * value).toFixed(digits)}\u202f%`);
  const ratio = (part, whole) => whole ? part / whole : null;
  const chosen = {}; // outlives the widget, which Gradio may make anew

  function weigh(box) {
    for (const slider of box.querySelectorAll("input[type=range]")) {
      if (slider.name in chosen) slider.value = chosen[slider.name];
    }
    const slider = name => box.querySelector(`[name=${name}]`);
    const cut = Number(slider("cut").value), share = Number(slider("prevalence").value);
    const from = films => films.filter(film => film >= cut).length;
    const sick = JSON.parse(box.dataset.sick), healthy = JSON.parse(box.dataset.healthy);
    const tp = from(sick), fp = from(healthy);
    const fn = sick.length - tp, tn = healthy.length - fp;
    const sensitivity = tp / sick.length, specificity = tn / healthy.length;
    const hits = sensitivity * share, right = specificity * (1 - share);
    const shown = {
      cut: local(cut.toFixed(2)), prevalence: percent(share, 0), tp, fn, fp, tn,
      sensitivity: percent(sensitivity, 1), specificity: percent(specificity, 1),
      ppv: percent(ratio(hits, hits + (1 - specificity) * (1 - share)), 1),
      npv: percent(ratio(right, right + (1 - sensitivity) * share), 1),
    };
    for (const place of box.querySelectorAll("[data-of]")) {
      place.textContent = shown[place.dataset.of];
    }
    const spoken = (isFrench() ? box.dataset.fr : box.dataset.en)
      .replace("{threshold}", shown.cut).replace("{sensitivity}", shown.sensitivity)
      .replace("{specificity}", shown.specificity);
    slider("cut").setAttribute("aria-valuetext", spoken);
    slider("prevalence").setAttribute("aria-valuetext", shown.prevalence);
    const at = value => `${(100 * value).toFixed(2)}%`;
    for (const mark of box.closest(".about").querySelectorAll("[data-mark]")) {
      const places = mark.dataset.mark === "roc"
        ? { cx: at(1 - specificity), cy: at(1 - sensitivity) } : { x1: at(cut), x2: at(cut) };
      for (const [name, value] of Object.entries(places)) mark.setAttribute(name, value);
    }
    box.dataset.ready = "";
  }

  document.addEventListener("input", event => {
    const box = event.target.closest?.(".thresholds");
    if (!box) return;
    chosen[event.target.name] = event.target.value;
    weigh(box);
  });
  new MutationObserver(() => {
    for (const box of document.querySelectorAll(".thresholds:not([data-ready])")) weigh(box);
  }).observe(root, { childList: true, subtree: true });
  new MutationObserver(() => document.querySelectorAll(".thresholds").forEach(weigh))
    .observe(root, { attributeFilter: ["lang", "data-language"] });
}
