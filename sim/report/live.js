(function () {
  "use strict";
  const root = document.getElementById("live-section");
  const STATISTICS = ["p05", "p25", "p50", "p75", "p95"];
  const PROBABILITIES = [0.05, 0.25, 0.5, 0.75, 0.95];
  const all = (selector) => Array.from(root.querySelectorAll(selector));

  // ---------------------------------------------------------------- sample

  async function unpacked(text) {
    const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function sampleOf(bytes) {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const sample = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const count = sample.draws;
    let start = 4 + length;
    const codes = () => {
      const column = new Float64Array(count);
      for (let i = 0; i < count; i++) column[i] = bytes[start + i] * 256 + bytes[start + count + i] - 32768;
      start += 2 * count;
      return column;
    };
    sample.values = sample.columns.map(([scale, step]) => codes().map((code) => scale * Math.sinh(step * code)));
    sample.scores = sample.scores.map((step) => codes().map((code) => step * code));
    sample.index = sample.categories.map(() => Uint16Array.from(codes()));
    return sample;
  }

  // A column in rising order, of all draws or of those of a level: once, for every update.
  function sortedColumn(sample, key) {
    const [place, category, level] = key.split(",").map((part) => (part ? Number(part) : -1));
    const column = sample.values[place], draws = [...column.keys()];
    const own = category < 0 ? draws : draws.filter((draw) => sample.index[category][draw] === level);
    const order = Uint32Array.from(own).sort((a, b) => column[a] - column[b] || a - b);
    return { key, category, order, values: Float64Array.from(order, (draw) => column[draw]) };
  }

  // ---------------------------------------------------------------- weights

  // Weights of all draws; and under a level that holds, without its category, whose weights say nothing there.
  function weightsOf(sample, state) {
    const shifted = shiftedWeights(sample, state.shifts);
    const ratios = state.weights.map((own, place) =>
      sample.categories[place].weights.map((weight, level) => (weight > 0 ? own[level] / weight : 0)));
    return new Map([-1, ...ratios.keys()].map((without) => {
      const weights = Float64Array.from(shifted);
      ratios.forEach((ratio, place) => {
        if (place === without) return;
        for (let i = 0, index = sample.index[place]; i < weights.length; i++) weights[i] *= ratio[index[i]];
      });
      return [without, weights];
    }));
  }

  function shiftedWeights(sample, shifts) {
    const count = sample.draws, weights = new Float64Array(count);
    let square = 0;
    shifts.forEach((a, j) => shifts.forEach((b, k) => { square += a * b * sample.precision[j][k]; }));
    weights.fill(-0.5 * square);
    shifts.forEach((shift, j) => {
      if (shift) for (let i = 0, score = sample.scores[j]; i < count; i++) weights[i] += shift * score[i];
    });
    for (let i = 0; i < count; i++) weights[i] = Math.exp(weights[i]);
    return weights;
  }

  function effective(weights) {
    let sum = 0, squares = 0;
    for (const weight of weights) { sum += weight; squares += weight * weight; }
    return squares > 0 ? (sum * sum) / squares : 0;
  }

  function paretoShape(weights) {
    const positive = weights.filter((weight) => weight > 0).sort(), count = positive.length;
    const tail = Math.ceil(Math.min(0.2 * count, 3 * Math.sqrt(count)));
    if (tail < 5 || new Set(positive.subarray(count - tail)).size < 5) return -Infinity;
    const most = positive[count - 1], cut = positive[count - tail - 1] / most;
    return shapeOf(positive.subarray(count - tail).map((weight) => weight / most - cut).filter((beyond) => beyond > 0));
  }

  function shapeOf(beyond) {
    const count = beyond.length, candidates = 30 + Math.floor(Math.sqrt(count));
    const quartile = beyond[Math.floor(count / 4 + 0.5) - 1];
    const mean = (theta) => beyond.reduce((sum, excess) => sum + Math.log1p(-theta * excess), 0) / count;
    const thetas = [], fits = [];
    for (let j = 0.5; j < candidates; j++) {
      const theta = 1 / beyond[count - 1] + (1 - Math.sqrt(candidates / j)) / (3 * quartile), shape = mean(theta);
      thetas.push(theta);
      fits.push(count * (Math.log(-theta / shape) - shape - 1));
    }
    const most = Math.max(...fits), parts = fits.map((fit) => Math.exp(fit - most));
    const total = parts.reduce((sum, part) => sum + part, 0);
    const best = thetas.reduce((sum, theta, j) => sum + theta * parts[j], 0) / total;
    return (mean(best) * count + 5) / (count + 10);
  }

  // ---------------------------------------------------------------- statistics

  let values, places, squares;  // of what has weight, in rising order; good until the next call of `described`

  function described(column, weights) {
    const { order, values: rising } = column;
    let count = 0, before = 0, sum = 0, above = 0, total = 0;
    for (let i = 0; i < order.length; i++) {
      const weight = weights[order[i]];
      if (weight > 0) {
        values[count] = rising[i];
        places[count++] = weight;
      }
    }
    if (!count) return null;
    for (let i = 0; i < count; i++) {
      const weight = places[i];
      squares[i] = total += weight * weight;
      sum += weight * values[i];
      if (values[i] > 0) above += weight;
      places[i] = i * weight + (count - 1) * before;
      before += weight;
    }
    const quantiles = PROBABILITIES.map((p) => quantile(p, count));
    const errors = quantiles.map((value, k) => {
      const p = PROBABILITIES[k], last = rank(values, value, count), below = last ? squares[last - 1] : 0;
      const spread = Math.sqrt((1 - p) * (1 - p) * below + p * p * (total - below)) / before;
      return (quantile(Math.min(p + spread, 1), count) - quantile(Math.max(p - spread, 0), count)) / 2;
    });
    return { quantiles, errors, mean: sum / before, above: above / before, effective: (before * before) / total };
  }

  function quantile(p, count) {
    const place = p * places[count - 1], next = rank(places, place, count);
    if (next >= count) return values[count - 1];
    if (next === 0) return values[0];
    const part = (place - places[next - 1]) / (places[next] - places[next - 1]);
    return values[next - 1] + part * (values[next] - values[next - 1]);
  }

  function rank(rising, value, count) {  // how many are at most the value
    let low = 0, high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rising[middle] <= value) low = middle + 1; else high = middle;
    }
    return low;
  }

  function statistic(stated, name) {
    if (name === "error") return stated.errors[2];
    return name === "mean" || name === "above" ? stated[name] : stated.quantiles[STATISTICS.indexOf(name)];
  }

  // ---------------------------------------------------------------- words

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
  const fixed = (value, digits) => grouped(Math.abs(value).toFixed(digits));
  const signed = (value, size) => (Number(size.replace(/,/g, "")) ? (value > 0 ? "+" : "−") + size : size);
  const size = (value) => fixed(value, Math.abs(value) >= 9.95 ? 0 : Math.abs(value) >= 0.995 ? 1 : 2);
  const short = (value) => Math.abs(value).toFixed(Math.abs(value) >= 9.95 ? 0 : 1);
  const FORMS = {
    share: (value) => short(100 * value) + "%",
    points: (value) => signed(value, short(100 * value)),
    size: (value) => (100 * value).toFixed(2),
    money: (value) => (value >= 0 ? size(value) : signed(value, size(value))),
    change: (value) => signed(value, size(value)),
    chance: (value) => value > 0 && value < 0.005 ? "<1%" : value < 1 && value >= 0.995 ? ">99%" : (100 * value).toFixed(0) + "%",
  };

  // ---------------------------------------------------------------- page

  const slots = all("[data-live]").map((node) => {
    const [place, name, form, category, level] = node.dataset.live.split(" ");
    return { node, text: node.textContent, key: [place, category, level].join(), name, form };
  });
  const bars = all("[data-bar]").map((node) => {
    const [place, category, level] = node.dataset.bar.split(" "), [low, high] = node.dataset.span.split(" ").map(Number);
    const row = category === undefined ? null : node.closest("tr");
    return { parts: Array.from(node.children), key: [place, category, level].join(), low, high, row };
  });
  const fans = all("[data-fan]").map((node) => ({
    parts: Array.from(node.children),
    keys: node.dataset.fan.split(" ").map((place) => [place, "", ""].join()),
    x: node.dataset.x.split(" "),
    top: Number(node.dataset.top),
  }));
  const weightSliders = all("[data-category]"), beliefSliders = all("[data-belief]");
  const keys = new Set([...slots, ...bars].map((one) => one.key).concat(...fans.map((fan) => fan.keys)));
  let sample, columns;

  function state() {
    const weights = sample.categories.map((category, place) => {
      const own = weightSliders.filter((node) => Number(node.dataset.category) === place);
      if (own.every((node) => node.value === node.defaultValue)) return category.weights;
      const total = own.reduce((sum, node) => sum + Number(node.value), 0);
      return own.map((node) => (total ? Number(node.value) / total : 0));
    });
    return { weights, shifts: beliefSliders.map((node) => sample.shifts[Number(node.value)]) };
  }

  function evaluate(asked) {
    const weights = weightsOf(sample, asked);
    const stated = new Map(columns.map((column) => [column.key, described(column, weights.get(column.category))]));
    const own = weights.get(-1);
    return { effective: effective(own), shape: paretoShape(own), stated };
  }

  function isAtStart() {
    return [...weightSliders, ...beliefSliders].every((node) => node.value === node.defaultValue);
  }

  function show(result) {
    const start = isAtStart();
    for (const slot of slots) {
      const stated = result.stated.get(slot.key);
      const text = start ? slot.text : stated ? FORMS[slot.form](statistic(stated, slot.name)) : "no draws";
      if (slot.node.textContent !== text) slot.node.textContent = text;
    }
    for (const bar of bars) draw(bar, result.stated.get(bar.key), start);
    for (const fan of fans) drawFan(fan, fan.keys.map((key) => result.stated.get(key)));
    showControls();
    showTrust(result, start);
  }

  function draw(bar, stated, start) {
    if (bar.row) bar.row.classList.toggle("live-grey", !start && (!stated || stated.effective < sample.fewest));
    const at = stated
      ? stated.quantiles.map((value) => 1000 * Math.min(Math.max((value - bar.low) / (bar.high - bar.low), 0), 1))
      : [0, 0, 0, 0, 0];
    [[0, 4], [1, 3]].forEach(([low, high], part) => {
      bar.parts[part].setAttribute("x", at[low].toFixed(0));
      bar.parts[part].setAttribute("width", stated ? Math.max(at[high] - at[low], 2).toFixed(0) : 0);
    });
    bar.parts[2].setAttribute("x", (at[2] - 3).toFixed(0));
  }

  function drawFan(fan, stated) {
    if (stated.includes(null)) return;
    const line = (k) => stated.map((one, i) => {
      const y = 118 - 108 * Math.min(Math.max(one.quantiles[k] / fan.top, 0), 1);
      return fan.x[i] + "," + y.toFixed(1);
    });
    [[0, 4], [1, 3]].forEach(([low, high], part) => {
      fan.parts[part].setAttribute("points", line(low).concat(line(high).reverse()).join(" "));
    });
    fan.parts[2].setAttribute("points", line(2).join(" "));
  }

  function showControls() {
    const now = state();
    for (const node of weightSliders) {
      const share = Math.round(100 * now.weights[node.dataset.category][node.dataset.level]) + "%";
      node.parentNode.querySelector("output").textContent = share;
      node.setAttribute("aria-valuetext", share);
    }
    for (const node of beliefSliders) {
      const shift = sample.shifts[Number(node.value)], text = sample.beliefs[node.dataset.belief].texts[Number(node.value)];
      node.parentNode.querySelector("output").textContent = text;
      node.setAttribute("aria-valuetext", text + ", moved by " + String(shift).replace("-", "−") + " standard deviations");
    }
    root.querySelector(".live-command").textContent = command(now);
  }

  function showTrust(result, start) {
    const draws = Math.floor(result.effective), count = sample.draws.toLocaleString("en-US");
    const shape = result.shape === -Infinity ? "none, as weights take few values" : result.shape.toFixed(2);
    const reasons = [];
    if (result.effective < sample.fewest) reasons.push(`${draws} of ${count} draws are left in effect, and ${sample.fewest} are needed`);
    if (result.shape > sample.heaviest) reasons.push(`a few draws have most of the weight (Pareto k ${shape}, above ${sample.heaviest})`);
    root.querySelector(".live-body").classList.toggle("live-grey", reasons.length > 0);
    const warning = root.querySelector(".live-warning");
    const text = reasons.length ? `Not to be relied on: ${reasons.join("; ")}. Run the command below instead.` : "";
    if (warning.textContent !== text) warning.textContent = text;
    warning.hidden = !reasons.length;
    const state = start
      ? `As the run has it, from all of its ${sample.run.toLocaleString("en-US")} draws.`
      : `${draws.toLocaleString("en-US")} of ${count} draws are left in effect; Pareto k: ${shape}.`;
    root.querySelector(".live-state").textContent = state;
    say(text || state);
  }

  let saying;

  function say(text) {
    clearTimeout(saying);
    const first = root.querySelector(".live-body p");
    saying = setTimeout(() => { root.querySelector(".live-said").textContent = text + " " + (first ? first.textContent : ""); }, 800);
  }

  // ---------------------------------------------------------------- command

  function command(now) {
    let records = sample.set;
    const put = (scenario, path, text) => {
      records = [...records.filter((one) => one[1] !== path || (scenario && one[0] !== scenario)), [scenario, path, text]];
    };
    sample.categories.forEach((category, place) => {
      const own = now.weights[place];
      if (own === category.weights) return;
      const text = category.levels.map((level, k) => `${level}: ${Number(own[k].toPrecision(15))}`).join(", ");
      put("", category.path, `{discrete: {${text}}}`);
    });
    sample.beliefs.forEach((belief, place) => {
      const step = Number(beliefSliders[place].value);
      if (!sample.shifts[step]) return;
      (belief.scenarios.length ? belief.scenarios : [""]).forEach((name) => put(name, belief.path, belief.settings[step]));
    });
    const settings = records.map(([name, path, text]) => ` --set '${name ? name + ":" : ""}${path}=${text}'`);
    return sample.command + settings.join("");
  }

  // ---------------------------------------------------------------- events

  let waiting = false;

  function update() {
    const began = performance.now();
    const result = evaluate(state());
    show(result);
    return performance.now() - began;
  }

  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; update(); });
  }

  function begin() {
    root.addEventListener("input", later);
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.reset !== undefined) [...weightSliders, ...beliefSliders].forEach((node) => { node.value = node.defaultValue; });
      if (button.dataset.only) {
        const [category, level] = button.dataset.only.split(" ");
        weightSliders.filter((node) => node.dataset.category === category).forEach((node) => { node.value = node.dataset.level === level ? 100 : 0; });
      }
      later();
    });
    root.querySelector(".live-controls").hidden = false;
    update();
  }

  async function start() {
    sample = sampleOf(await unpacked(root.querySelector(".live-sample").textContent));
    [values, places, squares] = [0, 1, 2].map(() => new Float64Array(sample.draws));
    columns = [...keys].map((key) => sortedColumn(sample, key));
    begin();
  }

  const ready = typeof DecompressionStream === "undefined" ? Promise.reject(new Error("this browser cannot unpack the sample")) : start();
  ready.catch(() => { root.querySelector(".live-state").textContent = ""; });
  window.simLive = { ready, evaluate, update, state, command: () => command(state()), write: (form, value) => FORMS[form](value), sample: () => sample };
})();
