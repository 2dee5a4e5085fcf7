// The page's own behaviour. TEXTS stands in front of it: the widgets' texts, each in every
// language. page.py and its kin have the HTML that the rest works on.
"use strict";

// --- language -----------------------------------------------------------------------
const LANGUAGES = ["en", "fr"];
const root = document.documentElement;
const remembered = (() => {
  try { return localStorage.getItem("language"); } catch { return null; } // no storage
})();
const wanted = new URLSearchParams(location.search).get("lang");
let language = [wanted, remembered, ...navigator.languages.map(tag => tag.slice(0, 2))]
  .find(tag => LANGUAGES.includes(tag)) ?? "en";

// Says the page in another language, without asking the server: our HTML holds both and
// the style sheet shows one, our widgets' texts are exchanged, and Gradio's are its own.
async function speak(tag) {
  language = tag;
  root.dataset.language = tag;
  translateWidgets();
  const isDone = await speakGradio(tag);
  root.lang = tag;
  return isDone;
}

// Gradio's language is a store of one of its modules, under a name that changes; it
// tells the root element which one it is.
async function speakGradio(tag) {
  const names = performance.getEntriesByType("resource").map(entry => entry.name)
    .filter(name => /\/assets\/(runtime|i18n)[^/]*\.js/.test(name));
  for (const name of names) {
    for (const store of Object.values(await import(name))) {
      if (!store?.set || !store.subscribe) continue;
      let value;
      store.subscribe(now => { value = now; })();
      if (value && value === root.lang) { store.set(tag); return true; }
    }
  }
  return false;
}

// English and French -> the text in the language spoken now.
const dictionary = new Map(TEXTS.flatMap(texts => texts.map(text => [text, texts])));
const spoken = text => dictionary.get(text?.trim())?.[LANGUAGES.indexOf(language)];

function translateWidgets() {
  document.title = spoken(document.title) ?? document.title;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, text = spoken(node.data);
    if (text && node.data.trim() !== text) node.data = text;
  }
  for (const name of ["alt", "aria-label", "title"]) {
    for (const element of document.body.querySelectorAll(`[${name}]`)) {
      const text = spoken(element.getAttribute(name));
      if (text) element.setAttribute(name, text);
    }
  }
}

let isPlanned = false; // widgets are made anew at any time
new MutationObserver(() => {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => { isPlanned = false; translateWidgets(); });
}).observe(document.body, { childList: true, subtree: true, characterData: true });
// Gradio starts in the browser's language, and may be late.
new MutationObserver(() => { if (root.lang !== language) speak(language); })
  .observe(root, { attributeFilter: ["lang"] });
speak(language);

document.addEventListener("click", async event => {
  const tag = event.target.closest("[data-speak]")?.dataset.speak;
  if (!tag) return;
  try { localStorage.setItem("language", tag); } catch { /* until the next visit */ }
  if (!await speak(tag)) location.search = `?lang=${tag}`; // loads the page anew
});

// --- the radiograph goes in ---------------------------------------------------------
// The image widget takes what browsers can show. Whatever else is dropped on it or
// chosen in it goes to the file button, by the name's ending where there is no type.
for (const kind of ["drop", "change"]) document.addEventListener(kind, event => {
  const files = event.dataTransfer?.files ?? event.target.files;
  const isShown = /^image\/(jpeg|png|webp|gif|bmp|svg\+xml)$/.test(files?.[0]?.type);
  if (!files?.length || isShown || !event.target.closest("#radiograph")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const input = document.querySelector("#one input[data-testid$='-upload-button']");
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}, true);
document.addEventListener("click", event => event.target.closest("#radiograph")
  ?.querySelector("input[type=file]")?.removeAttribute("accept"), true);

// The widget of many takes files alone: a folder that is dropped is opened for it.
document.addEventListener("drop", async event => {
  const input = event.target.closest("#files")?.querySelector("input[type=file]");
  const entries = [...event.dataTransfer?.items ?? []]
    .map(item => item.webkitGetAsEntry?.()).filter(entry => entry);
  if (!input || !entries.some(entry => entry.isDirectory)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const transfer = new DataTransfer();
  for (const file of (await Promise.all(entries.map(within))).flat()) {
    if (!file.name.startsWith(".")) transfer.items.add(file);
  }
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}, true);

async function within(entry) {
  if (entry.isFile) {
    return [await new Promise((done, failed) => entry.file(done, failed))];
  }
  const reader = entry.createReader(), files = [];
  for (;;) { // it reads some at a time
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return files;
    files.push(...(await Promise.all(some.map(within))).flat());
  }
}

// --- the viewer ---------------------------------------------------------------------
// Its sliders set custom properties of the style; the window is a filter of SVG.
function look(viewer) {
  const value = name => Number(viewer.querySelector(`[name=${name}]`).value);
  const isInverted = viewer.querySelector("[name=invert]").checked;
  viewer.style.setProperty("--compare", `${value("compare")}%`);
  viewer.style.setProperty("--strength", value("strength") / 100);
  viewer.style.setProperty("--zoom", value("zoom") / 100);
  viewer.classList.toggle("zoomed", value("zoom") > 100);
  // grey levels 0 to 256: centre - width / 2 becomes black, centre + width / 2 white
  const width = value("width"), black = value("centre") - width / 2;
  const [slope, shift] = isInverted
    ? [-256 / width, (black + width) / width] : [256 / width, -black / width];
  const isChanged = slope !== 1 || Math.abs(shift) > 1e-6;
  viewer.classList.toggle("windowed", isChanged);
  for (const channel of viewer.querySelectorAll("filter [slope]")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", shift);
  }
  for (const output of viewer.querySelectorAll("[data-of]")) {
    output.textContent = `${value(output.dataset.of)}${output.dataset.unit ?? ""}`;
  }
}
document.addEventListener("input", event => {
  const viewer = event.target.closest(".viewer");
  if (viewer) look(viewer);
});
document.addEventListener("reset", event => {
  const viewer = event.target.closest(".viewer");
  if (viewer) setTimeout(() => look(viewer)); // once the form has its first values
});
// A zoomed radiograph is moved with the mouse as well; touch and keys scroll it anyway.
document.addEventListener("pointerdown", event => {
  const stage = event.target.closest(".viewer.zoomed .stage");
  if (!stage || event.pointerType !== "mouse" || event.button) return;
  event.preventDefault();
  stage.focus();
  const move = step => stage.scrollBy(-step.movementX, -step.movementY);
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup",
    () => document.removeEventListener("pointermove", move), { once: true });
});

// --- the table of many radiographs --------------------------------------------------
document.addEventListener("click", event => {
  const button = event.target.closest(".rows th button");
  if (!button) return;
  const head = button.closest("th"), column = head.cellIndex;
  const isDown = head.ariaSort !== "ascending";
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.ariaSort = isDown ? "ascending" : "descending";
  const body = head.closest("table").tBodies[0];
  const key = row => row.cells[column].dataset.value;
  const order = (a, b) => a - b || a.localeCompare(b, language); // numbers, else words
  const sign = isDown ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => sign * order(key(a), key(b)));
  body.append(...rows);
});

// --- a report is saved --------------------------------------------------------------
// The server keeps nothing of it: it sends a text, and the browser makes the file.
function save(text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  link.download = "pneumonia.html";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
