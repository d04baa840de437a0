
"use strict";
// Text, numbers and tables. Data becomes text or numbers, never markup.

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
// Nanoseconds as a UTC time; without `whole`, zero seconds and midnight are omitted.
const moment = (ns, whole = true) => {
  if (!known(ns)) return NONE;
  const date = new Date(ns / 1e6);
  if (Number.isNaN(date.getTime())) return NONE;
  const [day, time] = [date.toISOString().slice(0, 10), date.toISOString().slice(11, 19)];
  if (whole || !time.endsWith(":00")) return day + " " + time;
  return time === "00:00:00" ? day : day + " " + time.slice(0, 5);
};

// Replaces the content of a table: header [[text, class]], rows of cells { text, value, style, title, draw }.
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
