// The page "The network in this page": pictures to arrange, choose or draw, and what the shipped network makes of them.

import { FIRST, INKS, ITS_ANSWER, NONE, OWN, PEN, SOURCES, SQUARE, layout, options } from "./lab_form.js";
import { box, circles, frames, paint, tile } from "./lab_views.js";
import { canvasSentence, covered, largest, layOut, percent, pictureSentence } from "./network.mjs";

const here = new URL(".", import.meta.url);
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// One question at a time: of what is asked meanwhile, only the last is answered.
function asker(question, answered) {
  const worker = new Worker(new URL("lab_worker.js", here), { type: "module" });
  let [busy, again] = [false, false];
  const send = () => {
    [busy, again] = [true, false];
    worker.postMessage(question());
  };
  worker.onmessage = ({ data }) => {
    busy = false;
    answered(data);
    if (again) send();
  };
  worker.onerror = ({ message }) => answered({ failed: message ?? "its files did not arrive" });
  return () => (busy ? (again = true) : send());
}

function laboratory(frame, facts) {
  const { side, height, width, classes, colours } = facts;
  const arrangements = Object.entries(facts.arrangements);
  const state = {
    source: "canvas",
    garments: structuredClone(arrangements[0][1]),
    held: 0, // the garment moved last
    picture: classes[0],
    drawing: { pixels: new Uint8Array(side * side), height: side, width: side },
    pen: { top: side / 2, left: side / 2 },
    square: { top: 10, left: 10, size: 8 },
    hand: arrangements[0][1][0].name,
    chosen: { ink: "white", thick: 3, covers: false, map: NONE, all: false },
  };
  let seen = {}; // the last answer, with what was asked

  const form = document.createElement("form");
  form.className = "ie-panel";
  form.setAttribute("aria-label", "The network in this page");
  form.innerHTML = layout(facts);
  frame.replaceChildren(form);
  const one = (selector) => form.querySelector(selector);
  const stage = one(".ie-stage");

  const picture = () => {
    if (state.source === "canvas") return layOut(state.garments, facts);
    if (state.source === "drawing") return state.drawing;
    return { pixels: Uint8Array.from(facts.pictures[classes.indexOf(state.picture)]), height: side, width: side };
  };
  const extent = () => (state.source === "canvas" ? [height, width] : [side, side]);
  const square = () => (state.chosen.covers ? state.square : undefined);
  // What can be moved, the uppermost last: its name, place and size.
  const things = () => [
    ...(state.source === "canvas" ? state.garments.map((each) => [each.name, each, side]) : []),
    ...(state.source === "drawing" ? [[PEN, state.pen, 1]] : []),
    ...(square() ? [[SQUARE, state.square, state.square.size]] : []),
  ];
  const inHand = () => things().find(([name]) => name === state.hand);

  function take(name) {
    state.hand = name;
    const garment = state.source === "canvas" ? state.garments.findIndex((each) => each.name === name) : -1;
    if (garment >= 0) state.held = garment;
  }

  // Everything stays inside the picture, even a square that was at the edge of the wider canvas.
  function place(at, size, [top, left]) {
    const [rows, columns] = extent();
    at.top = clamp(top, 0, rows - size);
    at.left = clamp(left, 0, columns - size);
  }

  function moveTo(spot) {
    const [, at, size] = inHand();
    place(at, size, spot);
    changed();
  }

  // A round dot with a soft edge.
  function dot([row, column]) {
    const { ink, thick } = state.chosen;
    state.drawing.pixels.forEach((value, i, pixels) => {
      const distance = Math.hypot(Math.floor(i / side) - row, (i % side) - column);
      pixels[i] = Math.round(value + (INKS[ink] - value) * clamp(thick / 2 + 0.5 - distance, 0, 1));
    });
  }

  // ---- what is shown at once ---------------------------------------------------------------------

  function showForm() {
    const names = things().map(([name]) => name);
    if (!names.includes(state.hand)) state.hand = names.at(-1);
    const { hand } = form.elements;
    if ([...hand.options].map(({ value }) => value).join() !== names.join()) hand.innerHTML = options(names);
    const [, at, size] = inHand() ?? [];
    const limits = at && { top: extent()[0] - size, left: extent()[1] - size };
    const laid = arrangements.find(([, garments]) => JSON.stringify(garments) === JSON.stringify(state.garments));
    const shown = { ...state.chosen, ...at, size: state.square.size, picture: state.picture, hand: state.hand };
    shown.arrangement = laid?.[0] ?? OWN;
    for (const input of form.elements) {
      if (limits?.[input.name]) input.max = limits[input.name];
      if (["hand", "top", "left"].includes(input.name)) input.disabled = !at;
      if (input.name === "size") input.disabled = !square();
      if (input.type === "radio") input.checked = input.value === state.source;
      else if (input.type === "checkbox") input.checked = shown[input.name];
      else if (input.name in shown && input.value != shown[input.name]) input.value = shown[input.name];
    }
    for (const part of form.querySelectorAll("[data-only]")) {
      part.hidden = !["", state.source].includes(part.dataset.only);
    }
    const [first, last] = state.hand === PEN ? ["Draw with the pointer", " Space makes a dot."] : ["Drag", ""];
    const moves = `${first}, or move the ${state.hand} with the arrow keys, five pixels at a time with Shift.${last}`;
    one(".ie-hint").textContent = at ? moves : "Cover part of it with a black square, below, and move that.";
    stage.setAttribute("aria-label", `${SOURCES[state.source]}. ${one(".ie-hint").textContent}`);
  }

  function showPicture() {
    const { pixels, height, width } = square() ? covered(picture(), square()) : picture();
    paint(one(".ie-stage canvas"), pixels, height, width, 255);
    stage.style.maxWidth = stage.parentElement.style.flexBasis = `${width === side ? 12 * side : 4 * width}px`;
    const pixel = width / (stage.clientWidth || width); // no width yet: the observer below draws again
    const parts = [];
    if (seen.source === state.source) {
      const label = evidence();
      const map = seen.map;
      if (label >= 0) parts.push(...circles(map.maps[label], [map.height, map.width], extent(), colours));
      parts.push(...frames(seen.found ?? [], side, width, pixel, colours.frames));
    }
    for (const [name, at, size] of things()) {
      const line = `stroke="white" stroke-width="${pixel}" stroke-dasharray="${4 * pixel} ${3 * pixel}"`;
      parts.push(box(at, size, `data-name="${name}" fill="transparent" ${name === state.hand ? line : ""}`));
    }
    const overlay = one(".ie-stage svg");
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    overlay.innerHTML = parts.join("");
  }

  // ---- what the network says ---------------------------------------------------------------------

  // The class whose map is wanted, or -1.
  const evidence = () =>
    state.chosen.map === ITS_ANSWER ? largest(seen.probabilities) : classes.indexOf(state.chosen.map);

  function sentences() {
    const { garments, held, square, label, probabilities, before, found, map } = seen;
    const said = [];
    if (found) {
      const answer = `${classes[largest(probabilities)]} (${percent(Math.max(...probabilities))})`;
      said.push(canvasSentence(garments, found, facts), `Where the ${garments[held].name} is, it says ${answer}.`);
    } else said.push(pictureSentence(label, probabilities, square?.size, facts));
    if (before) {
      const was = largest(before);
      const [from, to] = [before, probabilities].map((each) => percent(each[was]));
      const change = from === to ? `leaves ${classes[was]} at` : `takes ${classes[was]} from ${from} to`;
      said.push(`The black square ${change} ${to}.`);
    }
    const chosen = evidence();
    if (chosen >= 0) {
      const values = [...map.maps[chosen]];
      const peak = largest(values);
      const [row, column] = [Math.floor(peak / map.width) + 1, (peak % map.width) + 1];
      const at = `row ${row} of ${map.height}, column ${column} of ${map.width}`;
      const mean = (values.reduce((a, b) => a + b) / values.length).toFixed(1);
      said.push(`The map of ${classes[chosen]} is highest, ${values[peak].toFixed(1)}, at ${at}; its mean is ${mean}.`);
    }
    return said.join(" ");
  }

  function showChances() {
    const { garments, held, found, probabilities, before } = seen;
    one("caption").textContent = found ? `Probabilities where the ${garments[held].name} is` : "Probabilities";
    [...one("tbody").rows].forEach((row, label) => {
      const [, bar, number, change] = row.cells;
      const [now, was] = bar.firstChild.children;
      now.style.width = `${100 * probabilities[label]}%`;
      was.hidden = !(before?.[label] >= 0.005);
      if (before) was.style.left = `${100 * before[label]}%`;
      const points = before && (100 * (probabilities[label] - before[label])).toFixed(1);
      number.textContent = `${(100 * probabilities[label]).toFixed(1)}%`;
      change.textContent = !before ? "" : points > 0 ? `+${points}` : points < 0 ? points.replace("-", "−") : "0.0";
    });
  }

  function showBlocks() {
    facts.blocks.forEach(({ name, branches }, number) => {
      const { data, dims: [, count, rows, columns] } = seen.blocks[name];
      const maps = Array.from({ length: count }, (_, c) => data.subarray(c * rows * columns, (c + 1) * rows * columns));
      const [title, ...figures] = one(".ie-blocks").children[number].children;
      title.textContent = `${name}: ${count} maps of ${rows}x${columns}`;
      figures.forEach(({ firstElementChild: caption, lastElementChild: canvas }, i) => {
        const { name: layers, channels } = branches[i];
        const own = maps.splice(0, channels);
        const peaks = own.map((map) => Math.max(...map));
        const white = Math.max(...peaks);
        const silent = peaks.filter((peak) => peak === 0).length;
        caption.textContent = `${layers}: ${channels} channels, ${silent} silent, largest value ${white.toFixed(1)}`;
        tile(canvas, state.chosen.all ? own : own.slice(0, FIRST), rows, columns, white || 1, FIRST);
      });
    });
  }

  let later;
  function say(words) {
    one(".ie-said").textContent = words;
    clearTimeout(later);
    later = setTimeout(() => (one("[role=status]").textContent = words), 400);
  }

  function showAnswer() {
    showPicture();
    showChances();
    showBlocks();
    say(sentences());
  }

  let asked;
  const ask = asker(
    () => {
      const { source, held } = state;
      const label = source === "picture" ? state.picture : undefined;
      asked = structuredClone({ source, held, label, garments: state.garments, square: square() });
      const window = source === "canvas" ? asked.garments[held] : undefined;
      return { picture: picture(), square: asked.square, window };
    },
    ({ answer, failed }) => {
      if (failed) say(`The network did not start: ${failed}.`);
      else if (asked.source === state.source) {
        seen = { ...asked, ...answer };
        showAnswer();
        form.dataset.answers = Number(form.dataset.answers ?? 0) + 1;
      }
    },
  );

  function changed() {
    showForm();
    showPicture();
    ask();
  }

  // ---- what the reader does ----------------------------------------------------------------------

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", ({ target: { name, type, value, checked, min, max, valueAsNumber } }) => {
    if (type === "number" && !Number.isFinite(valueAsNumber)) return;
    const number = clamp(Math.round(valueAsNumber), min, max);
    if (name === "top" || name === "left") {
      const [, at] = inHand();
      return moveTo(name === "top" ? [number, at.left] : [at.top, number]);
    }
    if (name === "source" || name === "picture") state[name] = value;
    else if (name === "arrangement") state.garments = structuredClone(facts.arrangements[value] ?? state.garments);
    else if (name === "hand") take(value);
    else if (name === "size") state.square.size = number;
    else state.chosen[name] = type === "checkbox" ? checked : name === "thick" ? number : value;
    if (name === "covers" || name === "size") state.hand = SQUARE;
    place(state.square, state.square.size, [state.square.top, state.square.left]);
    if (["map", "all"].includes(name) && seen.map) showAnswer();
    changed();
  });
  one("[name=dot]").addEventListener("click", () => {
    dot([state.pen.top, state.pen.left]);
    changed();
  });
  one("[name=clear]").addEventListener("click", () => {
    state.drawing.pixels.fill(0);
    changed();
  });

  stage.addEventListener("keydown", (event) => {
    const [name, at] = inHand() ?? [];
    const [down, right] = (ARROWS[event.key] ?? []).map((steps) => steps * (event.shiftKey ? 5 : 1));
    if (!name || (down === undefined && !(event.key === " " && name === PEN))) return;
    event.preventDefault();
    if (event.key === " ") dot([at.top, at.left]);
    moveTo([at.top + (down ?? 0), at.left + (right ?? 0)]);
  });

  stage.addEventListener("pointerdown", (down) => {
    const grip = down.target.dataset.name;
    const draws = state.source === "drawing" && grip !== SQUARE;
    if (down.button || !(grip || draws)) return;
    down.preventDefault();
    stage.focus({ preventScroll: true });
    take(draws ? PEN : grip);
    const corner = stage.getBoundingClientRect();
    const unit = corner.width / extent()[1];
    const spot = (event) => [(event.clientY - corner.top) / unit - 0.5, (event.clientX - corner.left) / unit - 0.5];
    const { top, left } = inHand()[1];
    const start = spot(down);
    let last = start;
    const move = (event) => {
      const to = spot(event);
      if (draws) {
        const steps = Math.ceil(2 * Math.hypot(to[0] - last[0], to[1] - last[1])) || 1;
        for (let i = 1; i <= steps; i++) dot(last.map((from, axis) => from + ((to[axis] - from) * i) / steps));
        last = to;
        moveTo(to.map(Math.round));
      } else moveTo([Math.round(top + to[0] - start[0]), Math.round(left + to[1] - start[1])]);
    };
    stage.setPointerCapture(down.pointerId); // what was touched is drawn anew at each move, and a touch ends with it
    stage.addEventListener("pointermove", move);
    stage.addEventListener("lostpointercapture", () => stage.removeEventListener("pointermove", move), { once: true });
    move(down);
  });

  new ResizeObserver(showPicture).observe(stage);
  changed();
}

const response = await fetch(new URL("lab/facts.json", here));
const facts = await response.json();
for (const frame of document.querySelectorAll(".ie-lab")) laboratory(frame, facts);
