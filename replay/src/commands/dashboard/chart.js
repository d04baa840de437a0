
// About `count` round numbers from low to high.
const ticks = (low, high, count) => {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  const all = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) all.push(at * step);
  return all;
};
const decimalsOf = step => Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));

// Minimum width of a selection, in pixels; less is a click.
const DRAG = 8;

// Lines over time. lines: [{ name, values, style, area, low, high }]; values may have gaps. A pointer, a
// finger or the arrow keys move a cursor that shows values. Charts with the same `range` share a time axis: a
// selection in one zooms all, a double click shows everything again.
class Chart {
  constructor(place, format, range) {
    Object.assign(this, { place, format, range });
    this.read = element("div", { class: "read", hidden: "", "aria-live": "polite" });
    this.svg = shape("svg", { role: "img", tabindex: 0 });
    place.append(this.svg, this.read);
    new ResizeObserver(() => this.draw()).observe(place);
    place.addEventListener("pointerdown", event => this.press(event));
    place.addEventListener("pointermove", event => this.move(event));
    place.addEventListener("pointerup", event => this.release(event));
    place.addEventListener("pointercancel", () => this.leave());
    place.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") this.leave(); });
    place.addEventListener("dblclick", () => this.range?.reset());
    this.svg.addEventListener("keydown", event => this.key(event));
    this.svg.addEventListener("blur", () => this.leave());
    range?.charts.push(this);
  }

  show(times, lines, { least, most } = {}) {
    Object.assign(this, { times, lines, least, most });
    this.draw();
  }

  // First index in the range, and the index after the last.
  shown() {
    const { times, range } = this;
    if (!range?.from) return [0, times.length];
    const first = times.findIndex(time => time >= range.from);
    const end = times.findIndex(time => time > range.to);
    return first < 0 ? [0, 0] : [first, end < 0 ? times.length : end];
  }

  extent(first, end) {
    const { least, most } = this;
    const all = this.lines.flatMap(line => [line.values, line.low ?? [], line.high ?? []].flatMap(values => values.slice(first, end)));
    const numbers = all.filter(known);
    let low = Math.min(...numbers, ...(known(least) ? [least] : []));
    let high = Math.max(...numbers, ...(known(most) ? [most] : []));
    if (!known(low) || !known(high)) return undefined;
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) {
      const room = Math.abs(high) * 0.01 || 0.01;
      [low, high] = [low - room, high + room];
    }
    const room = 0.06 * (high - low);
    return [low === least ? low : low - room, high === most && high === 0 ? high : high + room];
  }

  draw() {
    const { svg, place, times, lines } = this;
    const [width, height] = [place.clientWidth, place.clientHeight];
    svg.replaceChildren();
    this.scale = undefined;
    this.overlay = undefined;
    this.read.hidden = true;
    if (!times || width < 60 || height < 40) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const [first, end] = this.shown();
    const extent = end > first ? this.extent(first, end) : undefined;
    if (!extent) {
      const text = times.length ? "no data in this range" : "no data yet";
      svg.append(shape("text", { x: width / 2, y: height / 2, class: "axis", "text-anchor": "middle" }, text));
      return;
    }
    const [low, high] = extent;
    const marks = ticks(low, high, Math.max(3, height / 40));
    const decimals = marks.length > 1 ? decimalsOf(this.format(1).includes("%") ? 100 * (marks[1] - marks[0]) : marks[1] - marks[0]) : 2;
    const labels = marks.map(mark => this.format(mark, decimals));
    const left = 10 + 6.4 * Math.max(...labels.map(label => label.length));
    const [right, top, bottom] = [width - 8, 8, height - 20];
    const [from, to] = [times[first], times[end - 1]];
    const x = time => to > from ? left + (right - left) * (time - from) / (to - from) : (left + right) / 2;
    const y = value => bottom - (bottom - top) * (value - low) / (high - low);
    this.scale = { x, y, left, right, top, bottom, first, end, from, to };
    marks.forEach((mark, at) => {
      svg.append(shape("line", { x1: left, x2: right, y1: y(mark), y2: y(mark), class: mark === 0 ? "zero" : "grid" }));
      svg.append(shape("text", { x: left - 6, y: y(mark) + 4, class: "axis", "text-anchor": "end" }, labels[at]));
    });
    this.dates(height - 5);
    for (const line of lines) {
      for (const run of this.runs(line, first, end)) this.stroke(line, run, x, y);
    }
    const last = line => line.values[line.values.length - 1];
    svg.setAttribute("aria-label", lines.map(line => `${line.name} ${this.format(last(line))}`).join(", "));
    this.overlay = shape("g", {});
    svg.append(this.overlay);
    this.over();
  }

  // Index runs without gaps.
  runs(line, first, end) {
    const runs = [];
    let run = [];
    for (let at = first; at < end; at += 1) {
      if (known(line.values[at])) run.push(at);
      else if (run.length) { runs.push(run); run = []; }
    }
    if (run.length) runs.push(run);
    return runs;
  }

  stroke(line, run, x, y) {
    const { svg, times } = this;
    const path = (indices, values) => indices.map(at => `${x(times[at]).toFixed(1)},${y(values[at]).toFixed(1)}`);
    if (line.low) {
      const inside = run.filter(at => known(line.low[at]) && known(line.high[at]));
      const there = path(inside, line.high);
      const back = path([...inside].reverse(), line.low);
      svg.append(shape("polygon", { points: [...there, ...back].join(" "), class: "band" }));
    }
    const points = path(run, line.values);
    if (line.area) {
      const base = y(0).toFixed(1);
      const ends = [`${x(times[run[run.length - 1]]).toFixed(1)},${base}`, `${x(times[run[0]]).toFixed(1)},${base}`];
      svg.append(shape("polygon", { points: [...points, ...ends].join(" "), class: line.area }));
    }
    if (run.length === 1) {
      const [cx, cy] = points[0].split(",");
      svg.append(shape("circle", { cx, cy, r: 2.5, class: "dot " + line.style }));
    } else {
      svg.append(shape("polyline", { points: points.join(" "), class: "line " + line.style }));
    }
  }

  dates(baseline) {
    const { x, left, right, first, end, from, to } = this.scale;
    const [short, between] = to - from < 600e9 ? [[11, 19], 90] : to - from < 2 * 86400e9 ? [[11, 16], 90] : [[0, 10], 110];
    const count = Math.max(1, Math.min(end - first, Math.floor((right - left) / between)));
    for (let at = 0; at < count; at += 1) {
      const time = count > 1 ? from + (to - from) * at / (count - 1) : to;
      const anchor = count === 1 || at === count - 1 ? "end" : at === 0 ? "start" : "middle";
      const text = new Date(time / 1e6).toISOString().slice(...short);
      this.svg.append(shape("text", { x: count === 1 ? right : x(time), y: baseline, class: "axis", "text-anchor": anchor }, text));
    }
  }

  // ---- cursor and selection ----

  pixel(event) {
    const { left, right } = this.scale;
    return Math.max(left, Math.min(right, event.clientX - this.place.getBoundingClientRect().left));
  }

  press(event) {
    if (!this.scale) return;
    this.move(event);
    // A finger scrolls the page and moves the cursor; buttons select ranges.
    if (this.range && event.pointerType !== "touch" && event.button === 0) {
      this.drag = this.pixel(event);
      this.place.setPointerCapture?.(event.pointerId);
    }
  }

  move(event) {
    if (!this.scale) return;
    const { x, first, end } = this.scale;
    const pixel = this.pixel(event);
    let nearest = first;
    for (let at = first; at < end; at += 1) {
      if (Math.abs(x(this.times[at]) - pixel) < Math.abs(x(this.times[nearest]) - pixel)) nearest = at;
    }
    this.at = nearest;
    this.dragged = this.drag === undefined ? undefined : pixel;
    this.over();
  }

  release(event) {
    if (this.scale && this.drag !== undefined) {
      const { left, right, from, to } = this.scale;
      const ends = [this.drag, this.pixel(event)].sort((a, b) => a - b);
      const time = pixel => from + (to - from) * (pixel - left) / (right - left);
      [this.drag, this.dragged] = [undefined, undefined];
      if (ends[1] - ends[0] >= DRAG) this.range.set(time(ends[0]), time(ends[1]));
    }
    this.over();
  }

  leave() {
    [this.at, this.drag, this.dragged] = [undefined, undefined, undefined];
    this.over();
  }

  key(event) {
    if (!this.scale) return;
    const { first, end, from, to } = this.scale;
    const step = event.shiftKey ? 10 : 1;
    const at = this.at ?? end - 1;
    const moved = { ArrowLeft: at - step, ArrowRight: at + step, Home: first, End: end - 1 }[event.key];
    const middle = this.times[at];
    if (moved !== undefined) {
      this.at = Math.max(first, Math.min(end - 1, moved));
      this.over();
    } else if (event.key === "+" && this.range) {
      this.range.set(Math.max(from, middle - (to - from) / 4), Math.min(to, middle + (to - from) / 4));
    } else if (event.key === "-" || event.key === "Escape") {
      this.range?.reset();
    } else {
      return;
    }
    event.preventDefault();
  }

  over() {
    const { overlay, scale, times, at } = this;
    this.read.hidden = true;
    if (!overlay) return;
    overlay.replaceChildren();
    if (this.dragged !== undefined) {
      const [from, to] = [this.drag, this.dragged].sort((a, b) => a - b);
      overlay.append(shape("rect", { x: from, width: to - from, y: scale.top, height: scale.bottom - scale.top, class: "selection" }));
    }
    if (at === undefined || at < scale.first || at >= scale.end) return;
    const x = scale.x(times[at]);
    overlay.append(shape("line", { x1: x, x2: x, y1: scale.top, y2: scale.bottom, class: "cross" }));
    const there = this.lines.filter(line => known(line.values[at]));
    for (const line of there) {
      overlay.append(shape("circle", { cx: x, cy: scale.y(line.values[at]), r: 3.5, class: "dot " + line.style }));
    }
    const value = line => {
      // The band is ± 2 standard deviations.
      const spread = line.low && known(line.high[at]) ? ` \u00b1 ${this.format((line.high[at] - line.low[at]) / 4)}` : "";
      return `${line.name} ${this.format(line.values[at])}${spread}`;
    };
    this.read.textContent = [moment(times[at], false), ...there.map(value)].join("   ");
    this.read.dataset.side = x > (scale.left + scale.right) / 2 ? "left" : "right";
    this.read.hidden = false;
  }
}

// Time range of the charts: the whole run, or from one time to another. `changed` is called after each
// change.
class Range {
  constructor(place, spans, changed) {
    Object.assign(this, { charts: [], changed, spans });
    this.buttons = spans.map(([name, length]) => {
      const button = element("button", { type: "button", "data-span": name, "aria-pressed": length === undefined }, name);
      button.addEventListener("click", () => length === undefined ? this.reset() : this.latest(length));
      return button;
    });
    place.append(...this.buttons);
  }

  // Shows the last `length` nanoseconds and follows new frames.
  latest(length) {
    this.length = length;
    this.follow();
    this.apply();
  }

  // Moves a range that follows new frames to the last frame.
  follow() {
    const times = this.charts[0]?.times ?? [];
    const end = this.end ?? times[times.length - 1];
    if (this.length && known(end)) [this.from, this.to] = [end - this.length, end];
  }

  set(from, to) {
    this.length = undefined;
    [this.from, this.to] = [from, to];
    this.apply();
  }

  reset() {
    [this.length, this.from, this.to] = [undefined, undefined, undefined];
    this.apply();
  }

  apply() {
    this.buttons.forEach((button, at) => {
      const length = this.spans[at][1];
      button.setAttribute("aria-pressed", length === undefined ? !this.from : length === this.length);
    });
    for (const chart of this.charts) chart.draw();
    this.changed();
  }
}
