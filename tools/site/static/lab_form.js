// The form of the page "The network in this page", and the words in it that its script knows.

export const SOURCES = { canvas: "Garments on a canvas", picture: "A test picture", drawing: "Your drawing" };
export const INKS = { white: 255, grey: 140, "black, to erase": 0 };
export const [SQUARE, PEN, NONE, ITS_ANSWER, OWN] = ["black square", "pen", "none", "its answer", "your own"];
export const FIRST = 6; // channels of each branch, unless all are asked for

export const options = (names) => names.map((name) => `<option>${name}</option>`).join("");
const list = (name, label, names, source = "") => `
  <label data-only="${source}"><span>${label}</span><select name="${name}">${options(names)}</select></label>`;
const check = (name, label) => `<label><span>${label}</span><input type="checkbox" name="${name}"></label>`;
const slider = (name, label, low, high, source = "") => `
  <label data-only="${source}"><span>${label}</span>
    <input type="number" name="${name}" min="${low}" max="${high}" aria-label="${label}, as a number">
    <input type="range" name="${name}" min="${low}" max="${high}" aria-label="${label}"></label>`;
const radio = ([value, label]) => `<label><input type="radio" name="source" value="${value}"> ${label}</label>`;
const chance = (name) => `
  <tr><th scope="row">${name}</th><td><div class="ie-bar"><i></i><b></b></div></td><td></td><td></td></tr>`;
const branch = (id, layers) => `
  <div><p id="${id}">${layers}</p><canvas role="img" aria-labelledby="${id}" width="1" height="1"></canvas></div>`;
const block = ({ name, branches }) => `
  <section><h3>${name}</h3>${branches.map((each, i) => branch(`${name}-${i}`, each.name)).join("")}</section>`;

export const layout = ({ classes, arrangements, side, blocks }) => `
  <fieldset class="ie-source"><legend>What you show it</legend>${Object.entries(SOURCES).map(radio).join("")}</fieldset>
  <div class="ie-form">
    ${list("arrangement", "Arrangement", [...Object.keys(arrangements), OWN], "canvas")}
    ${list("picture", "Picture", classes, "picture")}
    ${list("ink", "Colour of the pen", Object.keys(INKS), "drawing")}
    ${slider("thick", "Width of the pen", 1, 8, "drawing")}
  </div>
  <div class="ie-tools" data-only="drawing">
    <button type="button" name="dot">Dot where the pen is</button>
    <button type="button" name="clear">Clear</button>
  </div>
  <div class="ie-both">
    <div>
      <div class="ie-stage" tabindex="0" role="application"><canvas></canvas><svg aria-hidden="true"></svg></div>
      <p class="ie-hint"></p>
    </div>
    <table><caption>Probabilities</caption><tbody>${classes.map(chance).join("")}</tbody></table>
  </div>
  <p class="ie-said">The network is loading.</p>
  <div class="ie-form">
    ${list("map", "Map of the evidence for", [NONE, ITS_ANSWER, ...classes])}
    ${list("hand", "What you move", [])}
    ${slider("top", "Its row", 0, 0)}
    ${slider("left", "Its column", 0, 0)}
    ${check("covers", "Cover part of it with a black square")}
    ${slider("size", "Side of the black square", 1, side)}
    ${check("all", "Show every channel of each branch")}
  </div>
  <div class="ie-blocks">${blocks.map(block).join("")}</div>
  <div class="ie-hidden" role="status"></div>`;
