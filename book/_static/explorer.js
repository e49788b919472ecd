// Fills every `.map-explorer` of a page from the JSON inside it: controls, and one panel for the image and for each method.
// Nothing is fetched. The view stands in the address: #image=3&task=Smiling (also ?image=3&task=Smiling, for links from other pages).
"use strict";

(() => {
  // Viridis, sixteenth by sixteenth.
  const VIRIDIS = [
    [68, 1, 84], [72, 24, 106], [71, 45, 123], [66, 64, 134], [59, 82, 139], [51, 99, 141], [44, 114, 142], [38, 130, 142], [33, 145, 140],
    [31, 160, 136], [40, 174, 128], [63, 188, 115], [94, 201, 98], [132, 212, 75], [173, 220, 48], [216, 226, 25], [253, 231, 37],
  ];
  const COLOURS = Array.from({ length: 256 }, (_, value) => {
    const place = (value / 255) * (VIRIDIS.length - 1);
    const first = Math.min(Math.floor(place), VIRIDIS.length - 2);
    return VIRIDIS[first].map((low, c) => low + (place - first) * (VIRIDIS[first + 1][c] - low));
  });
  const PANEL = 192; // pixels of the screen, about
  const MAP_SHARE = 45; // per cent of each pixel

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const words = (task) => task.replace(/_+/g, " ").trim();
  const percent = (share) => `${share > 0 && share < 0.1 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
  const probability = (p) => (p > 0.999 ? "> 0.999" : p < 0.001 ? "< 0.001" : p.toFixed(3));
  const label = (value) => (value === null ? "unknown" : value ? "present" : "absent");

  function number(value) {
    const small = value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 10000);
    return (small ? value.toExponential(1) : String(Number(value.toPrecision(3)))).replaceAll("-", "−");
  }

  function make(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in node) node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  /** A map as large as the image: every cell a square, or as the scores see it, bilinear between the cells' middles. */
  function enlarged(values, height, width, size, smooth) {
    const along = (cells) =>
      Array.from({ length: size }, (_, i) => {
        if (!smooth) return [Math.floor((i * cells) / size), Math.floor((i * cells) / size), 0];
        const place = Math.max(0, ((i + 0.5) * cells) / size - 0.5);
        const first = Math.min(Math.floor(place), cells - 1);
        return [first, Math.min(first + 1, cells - 1), place - first];
      });
    const columns = along(width);
    return along(height).flatMap(([top, bottom, down]) =>
      columns.map(([left, right, across]) => {
        const row = (y) => values[y * width + left] * (1 - across) + values[y * width + right] * across;
        return row(top) * (1 - down) + row(bottom) * down;
      }),
    );
  }

  function mixed(pixels, map, share) {
    const result = new Uint8ClampedArray(pixels);
    map.forEach((value, i) => {
      COLOURS[Math.round(value)].forEach((colour, c) => {
        result[4 * i + c] = (1 - share) * pixels[4 * i + c] + share * colour;
      });
    });
    return result;
  }

  /** The region's border along the edges of its pixels, white within black, so that it shows on any colour. */
  function outline(pen, region, size) {
    const unit = pen.canvas.width / size;
    const inside = (x, y) => x >= 0 && y >= 0 && x < size && y < size && region(y * size + x);
    const line = new Path2D();
    const edge = (x1, y1, x2, y2) => {
      line.moveTo(x1 * unit, y1 * unit);
      line.lineTo(x2 * unit, y2 * unit);
    };
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        if (!inside(x, y)) continue;
        if (!inside(x - 1, y)) edge(x, y, x, y + 1);
        if (!inside(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
        if (!inside(x, y - 1)) edge(x, y, x + 1, y);
        if (!inside(x, y + 1)) edge(x, y + 1, x + 1, y + 1);
      }
    }
    pen.lineCap = "square";
    for (const [colour, share] of [["#000", 64], ["#fff", 160]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = pen.canvas.width / share;
      pen.stroke(line);
    }
  }

  function whereHighest(values, height, width) {
    const peak = values.indexOf(Math.max(...values));
    const third = (place, cells, names) => names[Math.floor(((place + 0.5) / cells) * 3)];
    const row = third(Math.floor(peak / width), height, ["upper", "middle", "lower"]);
    const column = third(peak % width, width, ["left", "centre", "right"]);
    return `${row} ${column}`;
  }

  /** A panel: a canvas, the scale of its colours, a name, rows of facts that are set by their names, and a note. */
  function panel(size, name, note, facts) {
    const enlargement = Math.max(1, Math.round(PANEL / size));
    const canvas = make("canvas", { width: 2 * enlargement * size, height: 2 * enlargement * size, role: "img" });
    canvas.style.maxWidth = `${enlargement * size}px`;
    const cells = Object.fromEntries(facts.map((fact) => [fact, make("dd")]));
    const rows = facts.flatMap((fact) => [make("dt", {}, fact), cells[fact]]);
    const range = make("p", { className: "explorer-range" });
    const title = make("p", { className: "explorer-name" }, make("strong", {}, name));
    const text = make("p", { className: "explorer-note" }, note);
    const node = make("div", { className: "explorer-panel" }, canvas, range, title, make("dl", {}, ...rows), text);
    return { canvas, range, cells, text, node };
  }

  const scratch = document.createElement("canvas");

  function draw(canvas, pixels, size, region) {
    [scratch.width, scratch.height] = [size, size];
    scratch.getContext("2d").putImageData(new ImageData(pixels, size, size), 0, 0);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(scratch, 0, 0, canvas.width, canvas.height);
    if (region) outline(pen, region, size);
  }

  async function explore(box) {
    const data = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
    const { size, tasks, images, labels, methods } = data;
    const regions = bytes(data.regions);
    const maps = methods.map((method) => bytes(method.values));
    const view = { image: 0, task: Math.max(0, labels[0].indexOf(1)), outline: true, smooth: false, share: MAP_SHARE };

    const pictures = images.map(({ png }) => make("img", { src: `data:image/png;base64,${png}`, width: size, height: size }));
    const marks = images.map(() => make("span", { className: "explorer-mark", "aria-hidden": "true" }));
    const thumbs = images.map((_, n) =>
      make("button", { type: "button", className: "explorer-thumb", onclick: () => show({ image: n }) }, pictures[n], marks[n]),
    );
    const options = tasks.map((task, t) => make("option", { value: String(t) }, words(task)));
    const select = make("select", { onchange: () => show({ task: Number(select.value) }) }, ...options);
    const checkbox = (name) => make("input", { type: "checkbox", onchange: (event) => show({ [name]: event.target.checked }) });
    const boxes = { outline: checkbox("outline"), smooth: checkbox("smooth") };
    const slider = make("input", { type: "range", min: 0, max: 100, step: 5, onchange: () => show({}) });
    slider.addEventListener("input", () => {
      view.share = Number(slider.value);
      render();
    });
    const strength = make("output");
    const status = make("p", { className: "explorer-status", "aria-live": "polite" });
    const original = panel(size, "Image", "", ["File", "Label", "Region"]);
    const facts = ["Answer", "Probability", "Peak", "Energy"];
    const panels = methods.map((method) => panel(size, method.name, method.note, facts));
    original.range.textContent = "as the network gets it";
    panels.forEach(({ text }, m) => text.append(" Run ", make("code", {}, methods[m].run.slice(0, 8)), "."));

    const right = (m, n, t) => (labels[n][t] === null ? null : methods[m].probability[n][t] >= 0.5 === (labels[n][t] === 1));
    const hit = (n, t) => methods[0].pointing[n][t];
    const failures = [
      ["Next wrong answer", (n, t) => right(0, n, t), (fine) => !fine],
      ["Next peak outside", hit, (share) => share === 0],
    ].map(([text, judge, fails]) => {
      const all = images.flatMap((_, n) => tasks.map((_, t) => ({ image: n, task: t }))).filter(({ image, task }) => judge(image, task) !== null);
      const failed = all.filter(({ image, task }) => fails(judge(image, task)));
      const after = ({ image, task }) => image > view.image || (image === view.image && task > view.task);
      const button = make("button", { type: "button", onclick: () => show(failed.find(after) ?? failed[0]) });
      button.append(text, ` (${failed.length} of ${all.length})`);
      button.disabled = !failed.length;
      return button;
    });

    const strip = make("div", { className: "explorer-strip", role: "group", "aria-label": "Images" }, ...thumbs);
    strip.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const next = thumbs.indexOf(document.activeElement) + step;
      if (!step || !thumbs[next]) return;
      event.preventDefault();
      thumbs[next].focus();
      show({ image: next });
    });

    const line = (...children) => make("div", { className: "explorer-line" }, ...children);
    box.prepend(
      line(make("label", {}, "Attribute ", select)),
      strip,
      line(
        make("label", {}, boxes.outline, " show region outline"),
        make("label", {}, boxes.smooth, " smooth"),
        make("label", {}, "map over image ", slider, " ", strength),
      ),
      line(make("span", {}, `${methods[0].name} fails:`), ...failures),
      status,
      make("div", { className: "explorer-panels" }, original.node, ...panels.map(({ node }) => node)),
    );

    await Promise.all(pictures.map((picture) => picture.decode()));
    const pixels = pictures.map((picture) => {
      const canvas = make("canvas", { width: size, height: size });
      const pen = canvas.getContext("2d");
      pen.drawImage(picture, 0, 0);
      return pen.getImageData(0, 0, size, size).data;
    });

    function render() {
      const { image: n, task: t } = view;
      const [task, known] = [words(tasks[t]), labels[n][t]];
      const first = (n * tasks.length + t) * size * size;
      const region = (i) => (regions[(first + i) >> 3] >> (7 - ((first + i) & 7))) & 1;
      let area = 0;
      for (let i = 0; i < size * size; i++) area += region(i);

      select.value = String(t);
      options.forEach((option, i) => (option.textContent = words(tasks[i]) + (labels[n][i] === 0 ? "" : ` (${label(labels[n][i])})`)));
      thumbs.forEach((thumb, i) => {
        thumb.setAttribute("aria-pressed", String(i === n));
        marks[i].textContent = labels[i][t] === null ? "?" : labels[i][t] ? "✓" : "";
        pictures[i].alt = `Image ${i + 1} of ${images.length}, ${task}: ${label(labels[i][t])}`;
      });
      boxes.outline.checked = view.outline;
      boxes.smooth.checked = view.smooth;
      slider.value = String(view.share);
      strength.textContent = `${view.share} %`;

      const why = {
        present: area ? "" : "Its region is empty, so the maps get no score.",
        absent: area ? "The outline shows where it would be. There is nothing to point at, so the maps get no score." : "",
        unknown: "Nobody labelled it, so neither answers nor maps can be judged. The outline shows where it is or would be.",
      };
      const said = `Image ${n + 1} of ${images.length}. ${task}: ${label(known)}. ${why[label(known)]}`.trim();
      if (status.textContent !== said) status.textContent = said;

      draw(original.canvas, pixels[n], size, null);
      original.canvas.setAttribute("aria-label", `Image ${n + 1}`);
      original.cells.File.textContent = images[n].key;
      original.cells.Label.textContent = label(known);
      original.cells.Region.textContent = area ? `${percent(area / (size * size))} of the image` : "none";

      methods.forEach((method, m) => {
        const { canvas, range, cells } = panels[m];
        const count = method.height * method.width;
        const values = maps[m].subarray((n * tasks.length + t) * count, (n * tasks.length + t + 1) * count);
        const map = enlarged(values, method.height, method.width, size, view.smooth);
        draw(canvas, mixed(pixels[n], map, view.share / 100), size, view.outline && area ? region : null);

        const [low, high] = [method.low[n][t], method.high[n][t]];
        const shape = low === high ? "the same everywhere" : `highest at the ${whereHighest(values, method.height, method.width)}`;
        canvas.setAttribute("aria-label", `${method.name}, map for ${task} over image ${n + 1}: ${shape}`);
        const judged = { true: "✓\u00a0correct", false: "✗\u00a0wrong", null: "not\u00a0judged" }[right(m, n, t)];
        cells.Answer.textContent = `${label(method.probability[n][t] >= 0.5)}, ${judged}`;
        cells.Probability.textContent = probability(method.probability[n][t]);
        const [pointing, energy] = [method.pointing[n][t], method.energy[n][t]];
        const peak = { 0: "outside", 1: "inside", null: "not scored" }[pointing];
        cells.Peak.textContent = peak ?? `${percent(pointing)} inside`;
        cells.Energy.textContent = energy === null ? "not scored" : `${percent(energy)} inside`;
        const bar = make("span", { className: "explorer-bar", role: "img", "aria-label": "to" });
        range.replaceChildren(...(low === high ? [`${number(low)} everywhere`] : [number(low), bar, number(high)]));
      });
    }

    function read() {
      const wanted = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : location.search);
      const [n, t] = [Number(wanted.get("image")) - 1, tasks.indexOf(wanted.get("task"))];
      if (images[n]) view.image = n;
      if (tasks[t]) view.task = t;
      if (wanted.has("outline")) view.outline = wanted.get("outline") !== "off";
      if (wanted.has("smooth")) view.smooth = wanted.get("smooth") === "on";
      const share = Number(wanted.get("map") ?? NaN);
      if (share >= 0 && share <= 100) view.share = share;
      render();
    }

    function show(change) {
      Object.assign(view, change);
      const place = new URLSearchParams({ image: view.image + 1, task: tasks[view.task] });
      if (!view.outline) place.set("outline", "off");
      if (view.smooth) place.set("smooth", "on");
      if (view.share !== MAP_SHARE) place.set("map", view.share);
      history.replaceState(null, "", `#${place}`);
      render();
    }

    box.style.setProperty("--explorer-colours", VIRIDIS.map((colour) => `rgb(${colour})`).join(", "));
    window.addEventListener("hashchange", read);
    read();
    box.dataset.ready = "yes";
  }

  document.querySelectorAll(".map-explorer").forEach(explore);
})();
