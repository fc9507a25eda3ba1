// Brings the stills of explorers to life: the panel of the notebooks, answered by the same Python in a worker.

import panel from "./panel.js";

const here = new URL(".", import.meta.url);

let worker;
let asked = 0;
const waiting = new Map();

// Python starts once, at the first touch of any panel, for it weighs several megabytes.
function python() {
  if (worker) return worker;
  worker = new Worker(new URL("worker.js", here), { type: "module" });
  worker.onmessage = ({ data }) => {
    if (data.ready) {
      worker.isReady = true;
      document.body.dataset.python = "ready";
    } else {
      waiting.get(data.id)(data);
      waiting.delete(data.id);
    }
  };
  worker.onerror = (event) => console.error(event.message);
  return worker;
}

function ask(explorer, values, pinned) {
  return new Promise((answer) => {
    waiting.set((asked += 1), answer);
    python().postMessage({ id: asked, explorer, values, pinned });
  });
}

async function unpacked(url) {
  const { body } = await fetch(url);
  return new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
}

// Until Python has started, one number at a time moves through the places that were computed when the site was made:
// the nearest of them is shown, and the slider goes there.
function fromTable(table, start, values) {
  const moved = Object.keys(values).filter((name) => values[name] !== start[name]);
  const whole = table.presets.find(({ at }) => Object.keys(values).every((name) => at[name] === values[name]));
  if (whole) return whole;
  if (moved.length !== 1 || !table.moves[moved[0]]) return undefined;
  const distance = ({ at }) => (typeof at === "number" ? Math.abs(at - values[moved[0]]) : Number(at !== values[moved[0]]));
  const places = table.moves[moved[0]];
  const nearest = places.reduce((best, place) => (distance(place) < distance(best) ? place : best));
  return { at: { ...start, [moved[0]]: nearest.at }, answer: nearest.answer };
}

async function enliven(frame) {
  const explorer = frame.dataset.explorer;
  const response = await fetch(new URL(`explorers/${explorer}.json`, here));
  if (!response.ok) return; // one that needs PyTorch: its still says so
  const state = { ...(await response.json()), pinned: {}, pinned_html: "", turn: 0, answered: 0 };
  const start = state.values;
  state.unanswered = "Python is starting in this page, which takes a few seconds the first time.";

  const listeners = new Map();
  const emit = (name) => (listeners.get(`change:${name}`) ?? []).forEach((listener) => listener());
  const put = (changes) => {
    const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
    Object.assign(state, changes);
    changed.forEach(emit);
  };
  let table;
  let busy = false;
  const answer = async () => {
    if (busy) return; // what is asked meanwhile is answered next: only the last of it is shown
    busy = true;
    while (state.answered < state.turn) {
      const { turn, values, pinned } = state;
      if (!worker?.isReady) {
        const unpinned = Object.keys(pinned).length === 0;
        const found = unpinned && fromTable((table ??= await unpacked(new URL(`explorers/${explorer}.table`, here))), start, values);
        if (found && state.turn === turn) put({ values: found.at, ...found.answer, pinned_html: "", answered: turn });
        if (found) continue;
      }
      const { answer: said } = await ask(explorer, values, pinned);
      if (state.turn === turn) put({ ...said, answered: turn });
    }
    busy = false;
  };
  const model = {
    get: (name) => state[name],
    set: (name, value) => put({ [name]: value }),
    save_changes: () => void answer(),
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: () => {},
  };
  frame.replaceChildren();
  panel.render({ model, el: frame });
  frame.classList.add("ie-moves");
  frame.removeAttribute("tabindex");
  const begin = () => {
    python();
    unpacked(new URL(`explorers/${explorer}.table`, here)).then((found) => (table ??= found));
  };
  for (const touch of ["pointerenter", "focusin"]) frame.addEventListener(touch, begin, { once: true });
}

for (const frame of document.querySelectorAll(".ie-live")) enliven(frame);
