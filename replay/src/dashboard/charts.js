
"use strict";
// Drawings and text. Whatever the data says becomes text or a number, never markup.

const SVG = "http://www.w3.org/2000/svg";
const NONE = "–";

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const shape = (tag, attributes, text) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

const known = value => typeof value === "number" && Number.isFinite(value);
const signs = text => text.replace(/-/g, "\u2212");
const number = (value, decimals) => known(value)
  ? signs(value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }))
      .replace(/,/g, "\u202f").replace(/^\u2212(?=[0.]*$)/, "")
  : NONE;
const money = value => number(value, known(value) && Math.abs(value) < 1000 ? 2 : 0);
const percent = (value, decimals = 2) => known(value) ? number(100 * value, decimals) + "\u2009%" : NONE;
const plus = (value, text) => known(value) && value > 0 ? "+" + text : text;
const price = value => known(value)
  ? number(value, Math.abs(value) >= 1000 ? 2 : Math.abs(value) >= 1 ? 3 : 6) : NONE;
const quantity = value => known(value) ? number(value, Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 1 : 4) : NONE;
const nanoseconds = value => {
  if (!known(value)) return NONE;
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (value >= size) return number(value / size, value / size < 10 ? 2 : value / size < 100 ? 1 : 0) + "\u2009" + unit;
  }
  return number(value, 0) + "\u2009ns";
};
const span = seconds => {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 120) return Math.floor(seconds) + " s";
  if (seconds < 7200) return Math.floor(seconds / 60) + " min";
  return seconds < 172800 ? Math.floor(seconds / 3600) + " h" : Math.floor(seconds / 86400) + " days";
};
// Nanoseconds as text; without `whole` only as much of the time of day as there is.
const moment = (ns, whole = true) => {
  if (!known(ns)) return NONE;
  const date = new Date(ns / 1e6);
  if (Number.isNaN(date.getTime())) return NONE;
  const [day, time] = [date.toISOString().slice(0, 10), date.toISOString().slice(11, 19)];
  if (whole || !time.endsWith(":00")) return day + " " + time;
  return time === "00:00:00" ? day : day + " " + time.slice(0, 5);
};

// About so many round numbers from low to high.
const ticks = (low, high, count) => {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  const all = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) all.push(at * step);
  return all;
};
const decimalsOf = step => Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));

// Lines over time. lines: [{ name, values, style, area, low, high }]; values may have gaps.
class Chart {
  constructor(place, format) {
    this.place = place;
    this.format = format;
    this.read = element("div", { class: "read", hidden: "" });
    this.svg = shape("svg", { role: "img" });
    place.append(this.svg, this.read);
    new ResizeObserver(() => this.draw()).observe(place);
    place.addEventListener("pointermove", event => this.point(event));
    place.addEventListener("pointerleave", () => { this.at = undefined; this.draw(); });
  }

  show(times, lines, { least, most } = {}) {
    Object.assign(this, { times, lines, least, most });
    this.draw();
  }

  extent() {
    const all = this.lines.flatMap(line => [line.values, line.low ?? [], line.high ?? []].flat()).filter(known);
    let low = Math.min(...all, ...(known(this.least) ? [this.least] : []));
    let high = Math.max(...all, ...(known(this.most) ? [this.most] : []));
    if (!known(low) || !known(high)) return undefined;
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) {
      const room = Math.abs(high) * 0.01 || 0.01;
      [low, high] = [low - room, high + room];
    }
    const room = 0.06 * (high - low);
    return [low === this.least ? low : low - room, high === this.most && high === 0 ? high : high + room];
  }

  draw() {
    const { svg, place, times, lines } = this;
    const [width, height] = [place.clientWidth, place.clientHeight];
    svg.replaceChildren();
    this.read.hidden = true;
    if (!times || width < 60 || height < 40) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const extent = times.length ? this.extent() : undefined;
    if (!extent) {
      svg.append(shape("text", { x: width / 2, y: height / 2, class: "axis", "text-anchor": "middle" }, "nothing yet"));
      return;
    }
    const [low, high] = extent;
    const marks = ticks(low, high, Math.max(3, height / 40));
    const decimals = marks.length > 1 ? decimalsOf(this.format(1).includes("%") ? 100 * (marks[1] - marks[0]) : marks[1] - marks[0]) : 2;
    const labels = marks.map(mark => this.format(mark, decimals));
    const left = 10 + 6.4 * Math.max(...labels.map(label => label.length));
    const [right, top, bottom] = [8, 8, height - 20];
    const [first, last] = [times[0], times[times.length - 1]];
    const x = time => last > first ? left + (width - left - right) * (time - first) / (last - first) : (left + width - right) / 2;
    const y = value => bottom - (bottom - top) * (value - low) / (high - low);
    this.x = x;
    marks.forEach((mark, at) => {
      svg.append(shape("line", { x1: left, x2: width - right, y1: y(mark), y2: y(mark), class: mark === 0 ? "zero" : "grid" }));
      svg.append(shape("text", { x: left - 6, y: y(mark) + 4, class: "axis", "text-anchor": "end" }, labels[at]));
    });
    this.dates(x, left, width - right, height - 5);
    for (const line of lines) {
      for (const run of this.runs(line)) this.stroke(line, run, x, y);
    }
    svg.setAttribute("aria-label", lines.map(line => `${line.name} ${this.format(line.values[line.values.length - 1])}`).join(", "));
    if (this.at !== undefined && this.at < times.length) this.cross(x, y, top, bottom);
  }

  // Pieces without a gap.
  runs(line) {
    const runs = [];
    let run = [];
    line.values.forEach((value, at) => {
      if (known(value)) run.push(at);
      else if (run.length) { runs.push(run); run = []; }
    });
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

  dates(x, left, right, baseline) {
    const { svg, times } = this;
    const [first, last] = [times[0], times[times.length - 1]];
    const [short, between] = last - first < 2 * 86400e9 ? [[11, 16], 90] : [[0, 10], 110];
    const count = Math.max(1, Math.min(times.length, Math.floor((right - left) / between)));
    for (let at = 0; at < count; at += 1) {
      const time = count > 1 ? first + (last - first) * at / (count - 1) : last;
      const anchor = count === 1 || at === count - 1 ? "end" : at === 0 ? "start" : "middle";
      const text = new Date(time / 1e6).toISOString().slice(...short);
      svg.append(shape("text", { x: count === 1 ? right : x(time), y: baseline, class: "axis", "text-anchor": anchor }, text));
    }
  }

  point(event) {
    if (!this.x || !this.times || !this.times.length) return;
    const at = event.clientX - this.place.getBoundingClientRect().left;
    let nearest = 0;
    this.times.forEach((time, index) => {
      if (Math.abs(this.x(time) - at) < Math.abs(this.x(this.times[nearest]) - at)) nearest = index;
    });
    this.at = nearest;
    this.draw();
  }

  cross(x, y, top, bottom) {
    const { svg, times, at } = this;
    svg.append(shape("line", { x1: x(times[at]), x2: x(times[at]), y1: top, y2: bottom, class: "cross" }));
    for (const line of this.lines) {
      if (known(line.values[at])) {
        svg.append(shape("circle", { cx: x(times[at]), cy: y(line.values[at]), r: 3.5, class: "dot " + line.style }));
      }
    }
    const values = this.lines.filter(line => known(line.values[at])).map(line => `${line.name} ${this.format(line.values[at])}`);
    this.read.textContent = [moment(times[at], false), ...values].join("   ");
    this.read.hidden = false;
  }
}

// A table again and again: header [[text, class]], rows of cells { text, value, style, title, draw }.
const fill = (table, header, rows, empty) => {
  const cell = ({ text, value, style, draw, title }) => {
    const made = element("td", style ? { class: style } : {});
    if (draw) made.append(draw); else made.textContent = text;
    if (value !== undefined && value !== null) made.dataset.value = value;
    if (title !== undefined) made.title = title;
    return made;
  };
  if (!rows.length) {
    table.replaceChildren(element("tbody", {}, element("tr", {}, element("td", { class: "none" }, empty))));
    return;
  }
  const head = element("tr", {}, ...header.map(([text, style]) => element("th", { scope: "col", class: style ?? "" }, text)));
  const body = rows.map(row => {
    const made = element("tr", row.style ? { class: row.style } : {}, ...(row.cells ?? row).map(cell));
    return made;
  });
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
};
