// Moves numbers to Python and shows the HTML that comes back. All arithmetic is in Python.

const UNCONNECTED = "Run this cell to move the sliders: this panel is not connected to a kernel.";
const UNANSWERED =
  "No answer for 2 seconds. If a cell is running, wait for it to end. If the kernel was shut down, run this cell again.";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A list to choose from, or a slider and a number field; `moved` gets the new value.
function inputsOf({ label, low, high, step, choices }, moved) {
  const quiet = { "data-lm-suppress-shortcuts": "true" };
  if (choices) {
    const options = choices.map((name) => element("option", {}, name));
    const list = element("select", { "aria-label": label, ...quiet }, ...options);
    list.addEventListener("change", () => moved(list.value));
    return [list];
  }
  const bounds = { min: low, max: high, step, ...quiet };
  const number = element("input", { type: "number", "aria-label": `${label}, as a number`, ...bounds });
  const range = element("input", { type: "range", "aria-label": label, ...bounds });
  for (const input of [number, range]) {
    input.addEventListener("input", () => Number.isFinite(input.valueAsNumber) && moved(input.valueAsNumber));
  }
  return [number, range];
}

function render({ model, el }) {
  const unanswered = model.get("unanswered") ?? UNANSWERED; // a page without a kernel has other words
  let late;
  const ask = (name, value) => {
    model.set(name, value);
    model.set("turn", model.get("turn") + 1);
    clearTimeout(late);
    late = setTimeout(tell, 2000);
    model.save_changes(); // last, because it may fail where the kernel is gone
  };
  const set = (values) => ask("values", values);

  const fields = {};
  const form = element("div", { class: "ie-form" });
  for (const control of model.get("controls")) {
    const { name, label } = control;
    fields[name] = inputsOf(control, (value) => set({ ...model.get("values"), [name]: value }));
    form.append(element("label", {}, element("span", {}, label), ...fields[name]));
  }

  // What a view marks with data-drag="across down", the names of two numbers, can be dragged; data-unit is how many
  // of the drawing's units make one of the number's. The next place is sent once the last one has been answered.
  let next;
  const send = () => {
    if (!next || model.get("answered") < model.get("turn")) return;
    const values = { ...model.get("values"), ...next };
    next = undefined;
    set(values);
  };
  const bounds = Object.fromEntries(model.get("controls").map(({ name, low, high }) => [name, [low, high]]));
  const grab = (down) => {
    const grip = down.target.closest?.("[data-drag]");
    if (!grip || controls.disabled) return;
    down.preventDefault();
    const drawing = grip.ownerSVGElement;
    const unit = (Number(grip.dataset.unit) * drawing.getBoundingClientRect().width) / drawing.viewBox.baseVal.width;
    const names = grip.dataset.drag.split(" ");
    const from = names.map((name) => model.get("values")[name]);
    const move = (event) => {
      const steps = [event.clientX - down.clientX, event.clientY - down.clientY];
      const places = names.map((name, i) => {
        const [low, high] = bounds[name];
        return [name, Math.min(high, Math.max(low, from[i] + Math.round(steps[i] / unit)))];
      });
      next = Object.fromEntries(places);
      send();
    };
    const drop = () => window.removeEventListener("pointermove", move);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", drop, { once: true });
    window.addEventListener("pointercancel", drop, { once: true });
  };

  const presets = new Map(model.get("presets").map(({ name, values }) => [name, values]));
  const names = [...presets.keys()].map((name) => element("option", { value: name }, name));
  const choice = element(
    "select",
    { "aria-label": "Preset", "data-lm-suppress-shortcuts": "true" },
    ...names,
    element("option", { value: "" }, "your own"),
  );
  choice.addEventListener("change", () => choice.value && set({ ...presets.get(choice.value) }));
  const isPinned = () => Object.keys(model.get("pinned")).length > 0;
  const pin = element("button", { type: "button" }, "Pin this setting");
  pin.addEventListener("click", () => ask("pinned", isPinned() ? {} : { ...model.get("values") }));
  const tools = element("div", { class: "ie-tools" }, element("label", {}, "Preset ", choice), pin);

  const notice = element("p", { class: "ie-notice", hidden: "" });
  const controls = element("fieldset", {}, form, tools);
  // They scroll where a drawing is wider than the page: with the keyboard, too.
  const shown = element("section", { "aria-label": "This setting", tabindex: "0" });
  const kept = element("section", { "aria-label": "Pinned setting", tabindex: "0" });
  const views = element("div", { class: "ie-views" }, shown, kept);
  const status = element("div", { class: "ie-hidden", role: "status" });
  const panel = element("div", { class: "ie-panel", role: "group", "aria-label": model.get("title") });
  const style = element("style");
  panel.append(style, element("h4", {}, model.get("title")), notice, controls, views, status);
  el.append(panel);

  // anywidget keeps the model's own `comm_live` to itself; that of its layout is lost and found together with it.
  const layout = model.get("layout");
  const tell = () => {
    const connected = layout?.comm_live ?? true;
    const words = !connected ? UNCONNECTED : model.get("answered") < model.get("turn") ? unanswered : "";
    controls.disabled = !connected;
    notice.hidden = !words;
    if (notice.textContent !== words) notice.textContent = status.textContent = words;
  };
  const answered = () => {
    if (model.get("answered") < model.get("turn")) return;
    clearTimeout(late);
    tell();
    send();
  };

  const showValues = () => {
    const values = model.get("values");
    for (const [name, inputs] of Object.entries(fields)) {
      for (const input of inputs) if (input.value === "" || input.value != values[name]) input.value = values[name];
    }
    const same = ([, preset]) => Object.keys(preset).every((name) => preset[name] === values[name]);
    choice.value = [...presets].find(same)?.[0] ?? "";
  };
  // Each new <style> makes the browser style the whole notebook again, so the view's is taken out and kept.
  const draw = (section, title, html) => {
    const rules = html.match(/<style>(.*?)<\/style>/s)?.[1];
    if (rules && rules !== style.textContent) style.textContent = rules;
    section.innerHTML = (isPinned() ? `<h5>${title}</h5>` : "") + html.replaceAll(/<style>.*?<\/style>/gs, "");
  };
  const showView = () => draw(shown, "This setting", model.get("html"));
  const showPinned = () => {
    pin.textContent = isPinned() ? "Unpin" : "Pin this setting";
    draw(kept, "Pinned", model.get("pinned_html"));
    kept.hidden = !isPinned();
    showView();
  };
  let waiting;
  const say = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => (status.textContent = model.get("sentence")), 400);
  };
  shown.addEventListener("pointerdown", grab);
  model.on("change:values", showValues);
  model.on("change:html", showView);
  model.on("change:pinned_html", showPinned);
  model.on("change:sentence", say);
  model.on("change:answered", answered);
  for (const each of [model, layout]) each?.on?.("comm_live_update", tell);
  showValues();
  showPinned();
  tell();
  return () => {
    layout?.off?.("comm_live_update", tell);
    clearTimeout(late);
    clearTimeout(waiting);
  };
}

export default { render };
