
// Figures, lines and tables of a state.

const find = id => document.getElementById(id);
const field = name => document.querySelector(`[data-field=${name}]`);
const LATE_S = 15, FRESH_S = 10, AGAIN_MS = 1000, POSITIONS = 20;
const HOUR_NS = 3600e9;

const put = (name, text, value) => {
  const place = field(name);
  place.textContent = text;
  if (value === null || value === undefined) delete place.dataset.value; else place.dataset.value = value;
  return place;
};
const pill = (id, text, state) => {
  const place = find(id);
  place.hidden = !text;
  place.textContent = text;
  place.dataset.state = state;
};

const spans = [["1h", HOUR_NS], ["1d", 24 * HOUR_NS], ["1w", 168 * HOUR_NS], ["all", undefined]];
const range = new Range(find("range"), spans, () => { if (state) lines(); });
const charts = {
  nav: new Chart(find("chart-nav"), (value, decimals) => decimals === undefined ? money(value) : number(value, decimals), range),
  drawdown: new Chart(find("chart-drawdown"), percent, range),
  turnover: new Chart(find("chart-turnover"), percent, range),
};
let state, all = false;


const tiles = () => {
  const { last, day, drawdown } = state;
  put("nav", money(last?.nav), last?.nav);
  put("nav_gross", last ? "gross of costs " + money(last.nav_gross) : "no frame yet", last?.nav_gross);
  const pnl = put("pnl", plus(day?.pnl, money(day?.pnl)), day?.pnl);
  pnl.className = day?.pnl > 0 ? "gain" : day?.pnl < 0 ? "loss" : "";
  const share = day && day.nav_before ? day.pnl / day.nav_before : undefined;
  put("day_return", day ? `${plus(share, percent(share))} on ${moment(day.begins, false)}` : "", share);
  put("drawdown", percent(drawdown?.now), drawdown?.now);
  put("deepest", drawdown ? "maximum " + percent(drawdown.deepest) : "", drawdown?.deepest);
  put("turnover", percent(day?.turnover), day?.turnover);
  put("cap", known(state.turnover_cap) ? "cap " + percent(state.turnover_cap) : "", state.turnover_cap);
  put("gross", percent(last?.gross_exposure), last?.gross_exposure);
  put("net", last ? `net ${percent(last.net_exposure)}, cash ${money(last.cash)}` : "", last?.net_exposure);
  put("seq", last ? number(last.seq, 0) : NONE, last?.seq);
  put("timestamp", last ? moment(last.timestamp, false)
    : known(state.last_input) ? `${number(state.last_input + 1, 0)} inputs, warming up` : "", last?.timestamp);
};

// Lines of a range in more detail than those of the whole run, which have a limited number of points.
let detail, detailing = false;
const zoom = async () => {
  const wanted = () => range.from && state.lines.stride > 1 ? [range.from, range.to].map(Math.floor).join() : undefined;
  const key = wanted();
  if (!key) detail = undefined;
  if (!key || detailing || detail?.key === key) return;
  detailing = true;
  const [from, to] = [range.from, range.to];
  try {
    const answer = await fetch(`/api/lines?from=${Math.floor(from)}&to=${Math.ceil(to)}`);
    if (answer.ok) detail = { key, from, to, lines: await answer.json() };
  } catch {
    // The connection is lost; the stream reports it.
  }
  // Limits the rate, also while the range follows new frames.
  setTimeout(() => { detailing = false; if (wanted() && wanted() !== detail?.key) zoom(); }, 500);
  if (detail?.key === key) lines();
};
const linesShown = () => {
  const { from, to } = range;
  const fits = from && detail && detail.from <= to && detail.to >= from && detail.to - detail.from <= 2 * (to - from);
  return fits ? detail.lines : state.lines;
};

const lines = () => {
  range.end = state.lines.timestamp[state.lines.timestamp.length - 1];
  range.follow();
  zoom();
  const { timestamp, nav, benchmark_nav, drawdown, turnover } = linesShown();
  const benchmark = benchmark_nav.some(known)
    ? [{ name: state.benchmark.name, values: benchmark_nav, style: "gray" }] : [];
  const named = state.benchmark.kind === "equal_weight" ? "equal-weight benchmark" : `benchmark ${state.benchmark.name}`;
  find("legend").textContent = benchmark.length ? `and ${named} (broken line)` : "";
  charts.nav.show(timestamp, [...benchmark, { name: "NAV", values: nav, style: "blue" }]);
  charts.drawdown.show(timestamp, [{ name: "drawdown", values: drawdown, style: "red", area: "fall" }], { most: 0 });
  const cap = known(state.turnover_cap)
    ? [{ name: "cap", values: timestamp.map(() => state.turnover_cap), style: "gray" }] : [];
  charts.turnover.show(timestamp, [...cap, { name: "turnover", values: turnover, style: "blue", area: "band" }], { least: 0 });
};

// A weight as a bar from zero; a mark at its target.
const weightBar = (held, target, low, high) => {
  const svg = shape("svg", { viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" });
  const x = weight => 100 * (weight - low) / (high - low || 1);
  const from = Math.min(x(0), x(held ?? 0));
  svg.append(shape("rect", { x: from, y: 4, height: 8, width: Math.abs(x(held ?? 0) - x(0)), class: held < 0 ? "bar short" : "bar" }));
  if (known(target)) {
    svg.append(shape("line", { x1: x(target), x2: x(target), y1: 1, y2: 15, class: "mark", "vector-effect": "non-scaling-stroke" }));
  }
  return svg;
};

const signed = value => plus(value, money(value));
const gain = value => ({ text: signed(value), value, style: value > 0 ? "gain" : value < 0 ? "loss" : "" });

const positions = () => {
  const rows = state.positions;
  const weights = rows.flatMap(row => [row.held_weight ?? 0, row.target_weight ?? 0]);
  const [low, high] = [Math.min(0, ...weights), Math.max(0, ...weights)];
  const shown = all ? rows : rows.slice(0, POSITIONS);
  fill(find("positions"),
    [["instrument", "text"], ["held"], ["target"], ["value"], ["quantity"], ["entry price"], ["last price"],
      ["unrealised P&L"], ["realised P&L"], ["held weight; mark at target", "text"]],
    shown.map(row => [
      { text: row.symbol, style: "text", title: row.symbol },
      { text: percent(row.held_weight), value: row.held_weight },
      { text: percent(row.target_weight), value: row.target_weight },
      { text: known(row.held_weight) && known(state.last?.nav) ? money(row.held_weight * state.last.nav) : NONE },
      { text: quantity(row.quantity), value: row.quantity },
      { text: price(row.entry_price), value: row.entry_price, title: "average cost of the position" },
      { text: price(row.last_price), value: row.last_price },
      gain(row.unrealised_pnl),
      gain(row.realised_pnl),
      { draw: weightBar(row.held_weight, row.target_weight, low, high), style: "draw" },
    ]), "no positions");
  const { realised, unrealised } = state.pnl;
  find("positions-note").textContent = state.fill_count > 0
    ? `${number(state.position_count, 0)} held; P&L before costs: unrealised ${signed(unrealised)}, realised ${signed(realised)}` : "";
  let more = find("more");
  if (!more) {
    more = element("button", { type: "button", id: "more" });
    more.addEventListener("click", () => { all = !all; positions(); });
    find("positions").parentElement.after(more);
  }
  more.hidden = rows.length <= POSITIONS;
  more.textContent = all ? `show the largest ${POSITIONS}` : `show all ${number(rows.length, 0)}`;
};

const costs = () => {
  const items = state.cost_items;
  const total = items.reduce((sum, item) => sum + state.costs[item], 0);
  const most = Math.max(...items.map(item => state.costs[item]));
  const row = (item, value, style) => ({ style, cells: [
    { text: item, style: "text" },
    { text: money(value), value },
    { text: known(state.last?.nav) && state.last.nav !== 0 ? number(1e4 * value / state.last.nav, 1) : NONE },
    style || !(most > 0) ? { text: "" } : { draw: weightBar(value, undefined, 0, most), style: "draw" },
  ] });
  fill(find("costs"), [["item", "text"], ["amount"], ["bps of NAV"], ["", "text"]], [
    ...items.map(item => row(item, state.costs[item])),
    row("total costs", total, "total"),
    row("interest earned", state.costs.interest, "earned"),
    row("dividends received", state.costs.dividends, "earned"),
  ], "");
};

const costOf = row => {
  const value = state.cost_items.reduce((sum, item) => sum + (row[item] ?? 0), 0);
  return { text: number(value, 2), value };
};

const fills = () => fill(find("fills"),
  [["time", "text"], ["instrument", "text"], ["quantity"], ["price"], ["decision price"], ["amount"], ["cost"], ["reason", "text"]],
  state.fills.map(row => [
    { text: moment(row.timestamp, false), style: "text", title: "frame " + row.seq },
    { text: row.symbol, style: "text", title: row.symbol },
    { text: plus(row.quantity, quantity(row.quantity)), value: row.quantity, style: row.quantity < 0 ? "loss" : "gain" },
    { text: price(row.price), value: row.price },
    { text: price(row.decision_price) },
    { text: money(row.notional) },
    costOf(row),
    { text: row.reason ?? NONE, style: "text" },
  ]), "no fills yet");

const orders = () => fill(find("orders"),
  [["time", "text"], ["instrument", "text"], ["quantity"], ["filled"], ["result", "text"], ["rebalance frame"]],
  state.orders.map(row => [
    { text: moment(row.timestamp, false), style: "text", title: "frame " + row.seq },
    { text: row.symbol, style: "text", title: row.symbol },
    { text: plus(row.quantity, quantity(row.quantity)), value: row.quantity, style: row.quantity < 0 ? "loss" : "gain" },
    { text: quantity(row.filled), value: row.filled },
    { text: (row.state ?? NONE).replace(/_/g, " "), style: "text" },
    { text: number(row.decided_seq, 0) },
  ]), "no orders yet");

const events = () => fill(find("events"),
  [["time", "text"], ["event", "text"], ["", "text"], ["frame"]],
  state.events.map(row => [
    { text: moment(row.time), style: "text" },
    { text: row.kind.replace(/_/g, " "), style: "text" },
    { text: row.text, style: "text sentence" },
    { text: number(row.seq, 0) },
  ]), "no events yet");
