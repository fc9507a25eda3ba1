// Moves numbers to Python and shows the HTML that comes back. All arithmetic is in Python.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const fields = {};
  const set = (values) => {
    model.set("values", values);
    model.save_changes();
  };

  const form = element("div", { class: "ie-form" });
  for (const [name, control] of Object.entries(model.get("controls"))) {
    if (control.choices.length) {
      const options = control.choices.map((name, place) => element("option", { value: place }, name));
      const list = element("select", { "aria-label": control.label, "data-lm-suppress-shortcuts": "true" }, ...options);
      list.addEventListener("change", () => set({ ...model.get("values"), [name]: Number(list.value) }));
      fields[name] = [list];
      form.append(element("label", {}, element("span", {}, control.label), list));
      continue;
    }
    const bounds = { min: control.low, max: control.high, step: control.step, "data-lm-suppress-shortcuts": "true" };
    const range = element("input", { type: "range", "aria-label": control.label, ...bounds });
    const number = element("input", { type: "number", "aria-label": `${control.label}, as a number`, ...bounds });
    const moved = (event) => {
      const value = event.target.valueAsNumber;
      if (Number.isFinite(value) && (Number.isInteger(value) || !Number.isInteger(control.step))) set({ ...model.get("values"), [name]: value });
    };
    range.addEventListener("input", moved);
    number.addEventListener("input", moved);
    fields[name] = [range, number];
    form.append(element("label", {}, element("span", {}, control.label), number, range));
  }

  const presets = model.get("presets");
  const own = element("option", { value: "" }, "your own");
  const choice = element(
    "select",
    { "aria-label": "Preset", "data-lm-suppress-shortcuts": "true" },
    ...Object.keys(presets).map((name) => element("option", { value: name }, name)),
    own,
  );
  choice.addEventListener("change", () => choice.value && set({ ...presets[choice.value] }));
  const pin = element("button", { type: "button" }, "Pin this setting");
  pin.addEventListener("click", () => {
    const pinned = Object.keys(model.get("pinned")).length ? {} : { ...model.get("values") };
    model.set("pinned", pinned);
    model.save_changes();
  });
  const tools = element("div", { class: "ie-tools" }, element("label", {}, "Preset ", choice), pin);

  const shown = element("section", { "aria-label": "This setting" });
  const kept = element("section", { "aria-label": "Pinned setting" });
  const views = element("div", { class: "ie-views" }, shown, kept);
  const status = element("div", { class: "ie-hidden", role: "status" });
  const panel = element("div", { class: "ie-panel", role: "group", "aria-label": model.get("title") });
  panel.append(element("h4", {}, model.get("title")), form, tools, views, status);
  el.append(panel);

  const same = (a, b) => Object.keys(a).every((name) => a[name] === b[name]);
  const showValues = () => {
    const values = model.get("values");
    for (const [name, inputs] of Object.entries(fields)) {
      for (const input of inputs) if (Number(input.value) !== values[name]) input.value = values[name];
    }
    choice.value = Object.keys(presets).find((name) => same(presets[name], values)) ?? "";
  };
  const showViews = () => {
    const pinned = Object.keys(model.get("pinned")).length > 0;
    pin.textContent = pinned ? "Unpin" : "Pin this setting";
    shown.innerHTML = (pinned ? "<h5>This setting</h5>" : "") + model.get("html");
    kept.innerHTML = pinned ? "<h5>Pinned</h5>" + model.get("pinned_html") : "";
    kept.hidden = !pinned;
  };
  let waiting;
  const say = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => (status.textContent = model.get("sentence")), 400);
  };
  model.on("change:values", showValues);
  model.on("change:html change:pinned_html", showViews);
  model.on("change:sentence", say);
  showValues();
  showViews();
}

export default { render };
