
(() => {
  const find = id => document.getElementById(id);
  const field = name => document.querySelector(`[data-field=${name}]`);
  const LATE_S = 15, AGAIN_MS = 1000, POSITIONS = 20;

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

  const charts = {
    nav: new Chart(find("chart-nav"), (value, decimals) => decimals === undefined ? money(value) : number(value, decimals)),
    drawdown: new Chart(find("chart-drawdown"), percent),
    turnover: new Chart(find("chart-turnover"), percent),
  };
  let state, all = false;

  // ---- the state ----

  const tiles = () => {
    const { last, day, drawdown } = state;
    put("nav", money(last?.nav), last?.nav);
    put("nav_gross", last ? "before costs " + money(last.nav_gross) : "no frame yet", last?.nav_gross);
    const pnl = put("pnl", plus(day?.pnl, money(day?.pnl)), day?.pnl);
    pnl.className = day?.pnl > 0 ? "gain" : day?.pnl < 0 ? "loss" : "";
    const share = day && day.nav_before ? day.pnl / day.nav_before : undefined;
    put("day_return", day ? `${plus(share, percent(share))} on ${moment(day.begins, false)}` : "", share);
    put("drawdown", percent(drawdown?.now), drawdown?.now);
    put("deepest", drawdown ? "deepest " + percent(drawdown.deepest) : "", drawdown?.deepest);
    put("turnover", percent(day?.turnover), day?.turnover);
    put("cap", known(state.turnover_cap) ? "cap " + percent(state.turnover_cap) : "", state.turnover_cap);
    put("gross", percent(last?.gross_exposure), last?.gross_exposure);
    put("net", last ? `net ${percent(last.net_exposure)}, cash ${money(last.cash)}` : "", last?.net_exposure);
    put("seq", last ? number(last.seq, 0) : NONE, last?.seq);
    put("timestamp", last ? moment(last.timestamp, false)
      : known(state.last_input) ? `${number(state.last_input + 1, 0)} inputs, warming up` : "", last?.timestamp);
  };

  const lines = () => {
    const { timestamp, nav, benchmark_nav, drawdown, turnover } = state.lines;
    const benchmark = benchmark_nav.some(known)
      ? [{ name: "equal weight", values: benchmark_nav, style: "gray" }] : [];
    find("legend").textContent = benchmark.length ? "and of equal weight, broken line" : "";
    charts.nav.show(timestamp, [...benchmark, { name: "value", values: nav, style: "blue" }]);
    charts.drawdown.show(timestamp, [{ name: "drawdown", values: drawdown, style: "red", area: "fall" }], { most: 0 });
    const cap = known(state.turnover_cap)
      ? [{ name: "cap", values: timestamp.map(() => state.turnover_cap), style: "gray" }] : [];
    charts.turnover.show(timestamp, [...cap, { name: "turnover", values: turnover, style: "blue", area: "band" }], { least: 0 });
  };

  // A weight from the middle, or from the left where nothing is short; a mark at its target.
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

  const positions = () => {
    const rows = state.positions;
    const weights = rows.flatMap(row => [row.held_weight ?? 0, row.target_weight ?? 0]);
    const [low, high] = [Math.min(0, ...weights), Math.max(0, ...weights)];
    const shown = all ? rows : rows.slice(0, POSITIONS);
    fill(find("positions"),
      [["instrument", "text"], ["held"], ["target"], ["value"], ["held, and mark at target", "text"]],
      shown.map(row => [
        { text: row.symbol, style: "text", title: row.symbol },
        { text: percent(row.held_weight), value: row.held_weight },
        { text: percent(row.target_weight), value: row.target_weight },
        { text: known(row.held_weight) && known(state.last?.nav) ? money(row.held_weight * state.last.nav) : NONE },
        { draw: weightBar(row.held_weight, row.target_weight, low, high), style: "draw" },
      ]), "nothing is held");
    find("positions-note").textContent = state.position_count > 0 ? `${number(state.position_count, 0)} held` : "";
    let more = find("more");
    if (!more) {
      more = element("button", { type: "button", id: "more" });
      more.addEventListener("click", () => { all = !all; positions(); });
      find("positions").parentElement.after(more);
    }
    more.hidden = rows.length <= POSITIONS;
    more.textContent = all ? `the largest ${POSITIONS}` : `all ${number(rows.length, 0)}`;
  };

  const costs = () => {
    const items = ["commission", "spread", "impact", "borrow", "financing"];
    const total = items.reduce((sum, item) => sum + state.costs[item], 0);
    const most = Math.max(...items.map(item => state.costs[item]));
    const row = (item, value, style) => ({ style, cells: [
      { text: item, style: "text" },
      { text: money(value), value },
      { text: known(state.last?.nav) && state.last.nav !== 0 ? number(1e4 * value / state.last.nav, 1) : NONE },
      style || !(most > 0) ? { text: "" } : { draw: weightBar(value, undefined, 0, most), style: "draw" },
    ] });
    fill(find("costs"), [["item", "text"], ["amount"], ["bps of value"], ["", "text"]], [
      ...items.map(item => row(item, state.costs[item])),
      row("all costs", total, "total"),
      row("interest earned", state.costs.interest, "earned"),
      row("dividends received", state.costs.dividends, "earned"),
    ], "");
  };

  const fills = () => fill(find("fills"),
    [["time", "text"], ["instrument", "text"], ["quantity"], ["price"], ["decided at"], ["amount"], ["cost"], ["why", "text"]],
    state.fills.map(row => [
      { text: moment(row.timestamp, false), style: "text", title: "frame " + row.seq },
      { text: row.symbol, style: "text", title: row.symbol },
      { text: plus(row.quantity, quantity(row.quantity)), value: row.quantity, style: row.quantity < 0 ? "loss" : "gain" },
      { text: price(row.price), value: row.price },
      { text: price(row.decision_price) },
      { text: money(row.notional) },
      { text: number(row.cost, 2), value: row.cost },
      { text: row.reason ?? NONE, style: "text" },
    ]), "no fill yet");

  const orders = () => fill(find("orders"),
    [["time", "text"], ["instrument", "text"], ["quantity"], ["filled"], ["ended", "text"], ["decided on frame"]],
    state.orders.map(row => [
      { text: moment(row.timestamp, false), style: "text", title: "frame " + row.seq },
      { text: row.symbol, style: "text", title: row.symbol },
      { text: plus(row.quantity, quantity(row.quantity)), value: row.quantity, style: row.quantity < 0 ? "loss" : "gain" },
      { text: quantity(row.filled), value: row.filled },
      { text: (row.state ?? NONE).replace(/_/g, " "), style: "text" },
      { text: number(row.decided_seq, 0) },
    ]), "no order yet");

  const events = () => fill(find("events"),
    [["time", "text"], ["what", "text"], ["", "text"], ["frame"]],
    state.events.map(row => [
      { text: moment(row.time), style: "text" },
      { text: row.kind.replace(/_/g, " "), style: "text" },
      { text: row.text, style: "text sentence" },
      { text: number(row.seq, 0) },
    ]), "nothing has happened");

  // ---- the machinery ----

  const ago = time => known(time) ? span(Math.max(0, (now() - time) / 1e9)) + " ago" : NONE;

  const feed = () => {
    const said = state.status.feed, place = find("feed");
    const rows = said ? [
      ["from", said.name || NONE],
      ["connection", (said.connected ? "connected" : "disconnected") + (known(said.since) ? `, since ${moment(said.since)}` : "")],
      ["last message", ago(said.last_message) + (said.stale ? ", stale" : "")],
      ["messages", `${number(said.messages, 0)}, ${number(said.bytes / 1e6, 1)} MB`],
      ["gaps", `${number(said.gaps, 0)}; ${number(said.missing, 0)} messages missing, ${number(said.back_filled, 0)} filled in afterwards`],
      ["reconnects", number(said.reconnects, 0)],
      ["repeats, out of order", `${number(said.repeats, 0)}, ${number(said.reordered, 0)}`],
      ["conflated", number(said.conflated, 0)],
      ["refused", number(said.refused, 0)],
    ] : [["from", state.feed?.name ?? NONE], ["health", "the run has not said yet"]];
    place.replaceChildren(...rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
    const trading = state.status.trading;
    const text = trading ? trading.state.replace(/_/g, " ") : "";
    pill("trading", text, text === "trading" ? "good" : text === "halted" || text === "ruined" ? "bad" : "wait");
    pill("connected", said ? (said.connected ? (said.stale ? "feed stale" : "feed connected") : "feed disconnected") : "",
      said?.connected && !said.stale ? "good" : "bad");
  };

  const queues = () => fill(find("queues"),
    [["queue", "text"], ["depth"], ["capacity"], ["highest"], ["", "text"]],
    (state.status.queues?.queues ?? []).map(row => [
      { text: row.name, style: "text", title: row.name },
      { text: number(row.depth, 0), value: row.depth },
      { text: number(row.capacity, 0) },
      { text: number(row.highest, 0) },
      { draw: weightBar(row.depth, row.highest, 0, row.capacity), style: "draw" },
    ]), "the run has not said yet");

  // Buckets as bars over a logarithmic time axis, the same for all stages, and a line at the 99th percentile.
  const histogram = (stage, low, high) => {
    const svg = shape("svg", { viewBox: "0 0 100 16", preserveAspectRatio: "none", role: "img",
      "aria-label": `median ${nanoseconds(stage.p50_ns)}, 99 % ${nanoseconds(stage.p99_ns)}` });
    const x = ns => 100 * (Math.log(Math.max(ns, low)) - Math.log(low)) / (Math.log(high) - Math.log(low) || 1);
    const most = Math.max(1, ...stage.buckets.map(([, count]) => count));
    let before = low;
    for (const [upper, count] of stage.buckets) {
      const end = Math.min(upper, high);
      if (count > 0) {
        const height = 15 * Math.max(0.06, count / most);
        const from = x(before);
        svg.append(shape("rect", { x: from, width: Math.max(0.8, x(end) - from - 0.2), y: 16 - height, height, class: "bucket" }));
      }
      before = Math.max(low, end);
    }
    const at = x(stage.p99_ns);
    svg.append(shape("line", { x1: at, x2: at, y1: 0, y2: 16, class: "p99", "vector-effect": "non-scaling-stroke" }));
    return svg;
  };

  const latency = () => {
    const stages = state.status.latency?.stages ?? [];
    const measured = stages.filter(stage => stage.count > 0);
    // From half of the first bucket that anything fell into, to the longest of all.
    const starts = measured.flatMap(stage => stage.buckets.filter(([, count]) => count > 0).slice(0, 1).map(([upper]) => upper / 2));
    const low = Math.max(1, Math.min(...starts, 1e12));
    const high = Math.max(2 * low, ...measured.map(stage => stage.max_ns));
    const range = measured.length ? `${nanoseconds(low)} to ${nanoseconds(high)}, line at 99 %` : "";
    fill(find("latency"),
      [["stage", "text"], ["measured"], ["median"], ["99 %"], ["longest"], [range, "text"]],
      stages.map(stage => [
        { text: stage.stage, style: "text", title: stage.stage },
        { text: number(stage.count, 0), value: stage.count },
        { text: nanoseconds(stage.p50_ns), value: stage.p50_ns },
        { text: nanoseconds(stage.p99_ns), value: stage.p99_ns },
        { text: nanoseconds(stage.max_ns), value: stage.max_ns },
        stage.count > 0 ? { draw: histogram(stage, low, high), style: "draw" } : { text: "" },
      ]), "the run has not said yet");
  };

  // ---- betas ----

  const choice = find("symbol");
  const multiples = new Map();
  let asked = 0, shownFrame, asking = false;

  const choices = () => {
    const known = [...choice.options].map(option => option.value);
    if (known.length === state.symbols.length && known.every((symbol, at) => symbol === state.symbols[at])) return;
    const before = choice.value;
    choice.replaceChildren(...state.symbols.map(symbol => element("option", { value: symbol }, symbol)));
    // At first what is held most.
    const held = state.positions.find(row => state.symbols.includes(row.symbol))?.symbol;
    const wanted = [before, held, state.symbols[0]].find(symbol => state.symbols.includes(symbol));
    if (wanted !== undefined) choice.value = wanted;
  };

  // At most every two seconds, and only where there is a new frame.
  const betas = async () => {
    const frame = choice.value + " " + state?.last?.seq;
    if (!choice.value || asking || frame === shownFrame || Date.now() - asked < 2000) return;
    [asking, asked] = [true, Date.now()];
    const symbol = choice.value;
    try {
      const answer = await fetch("/api/betas?symbol=" + encodeURIComponent(symbol));
      if (answer.ok) {
        const found = await answer.json();
        if (symbol === choice.value) {
          drawBetas(found);
          shownFrame = frame;
        }
      }
    } catch {
      // The connection is gone; the stream says so.
    }
    asking = false;
    if (symbol !== choice.value) {
      asked = 0;
      betas();
    }
  };

  const drawBetas = ({ timestamp, coefficients, symbol }) => {
    const place = find("betas");
    place.dataset.symbol = symbol;
    for (const [name, { figure }] of multiples) {
      if (!coefficients.some(coefficient => coefficient.name === name)) {
        figure.remove();
        multiples.delete(name);
      }
    }
    for (const { name, mean, sd } of coefficients) {
      let multiple = multiples.get(name);
      if (!multiple) {
        const [caption, drawing] = [element("figcaption"), element("div", { class: "chart" })];
        const figure = element("figure", {}, caption, drawing);
        place.append(figure);
        // Alpha is a return of a bar, a beta has no unit.
        const format = name === "alpha"
          ? (value, decimals) => known(value) ? number(1e4 * value, decimals === undefined ? 2 : Math.max(0, decimals - 4)) : NONE
          : (value, decimals = 3) => number(value, decimals);
        multiple = { figure, caption, chart: new Chart(drawing, format) };
        multiples.set(name, multiple);
      }
      const at = mean.length - 1;
      const format = multiple.chart.format;
      const label = name === "alpha" ? "alpha, bps a bar" : name;
      const value = element("b", {}, format(mean[at]));
      value.dataset.beta = name;
      if (known(mean[at])) value.dataset.value = mean[at];
      multiple.caption.replaceChildren(label + " ", value, ` ± ${format(sd[at])}`);
      const bound = sign => mean.map((value, i) => known(value) && known(sd[i]) ? value + sign * 2 * sd[i] : null);
      multiple.chart.show(timestamp, [{ name: label, values: mean, style: "blue", low: bound(-1), high: bound(1) }]);
    }
  };
  choice.addEventListener("change", () => { asked = 0; betas(); });

  // ---- the stream ----

  let stream, heard = Date.now(), since, clock = 0, why;
  // The server's clock: ages are of its times.
  const now = () => 1e6 * (Date.now() + clock);

  const banner = () => {
    const trading = state?.status.trading, said = state?.status.feed;
    const sentences = [];
    if (since) sentences.push(`Disconnected since ${new Date(since).toISOString().slice(11, 19)} UTC; this is what was known then. Trying again.`);
    if (why) sentences.push(why);
    if (state?.ruined) sentences.push("The account is ruined: its value fell to 0 or below, and it trades no more.");
    if (trading?.state === "halted") sentences.push("Trading is halted" + (trading.why ? ": " + trading.why : "."));
    if (said && !said.connected) sentences.push("The feed is disconnected.");
    if (said?.connected && said.stale) sentences.push(`The feed is stale: last message ${ago(said.last_message)}.`);
    const times = Object.values(state?.status ?? {}).map(row => row?.time).filter(known);
    const age = (now() - Math.max(...times)) / 1e9;
    if (!since && times.length && age > LATE_S && trading?.state !== "ended") {
      sentences.push(`The run last said how it is ${span(age)} ago: it has ended or hangs.`);
    }
    sentences.push(...(state?.troubles ?? []));
    const place = find("banner");
    place.hidden = !sentences.length;
    place.textContent = sentences.join(" ");
    document.body.classList.toggle("late", Boolean(since || why));
  };

  const show = () => {
    tiles(); lines(); positions(); costs(); fills(); orders(); events();
    feed(); queues(); latency(); choices(); betas(); banner();
    find("source").textContent = state.feed?.name ?? "";
    const version = state.version ? "betaflow " + state.version + ". " : "";
    find("foot").textContent = `${version}${number(state.frames, 0)} frames, ${number(state.fill_count, 0)} fills, ` +
      `${number(state.order_count, 0)} orders recorded. Times are UTC. The page changes nothing.`;
    document.title = known(state.last?.nav) ? `${money(state.last.nav)} betaflow` : "betaflow";
  };

  const hear = () => {
    [heard, since, why] = [Date.now(), undefined, undefined];
    pill("link", "live", "good");
  };
  const lose = () => {
    stream?.close();
    since ??= heard;
    pill("link", "disconnected", "bad");
    banner();
    setTimeout(connect, AGAIN_MS);
  };
  const connect = () => {
    stream = new EventSource("/events");
    stream.addEventListener("state", event => {
      hear();
      state = JSON.parse(event.data);
      clock = state.time / 1e6 - Date.now();
      // A page that nobody sees need not be drawn.
      if (!document.hidden) show();
    });
    stream.addEventListener("nothing", event => {
      hear();
      why = "The state cannot be read: " + event.data;
      banner();
    });
    stream.onerror = lose;
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && state) show(); });
  // A connection may end without a word; and ages grow.
  setInterval(() => {
    if (!since && Date.now() - heard > 1000 * LATE_S) lose();
    if (state && !document.hidden) { feed(); banner(); betas(); }
  }, 1000);
  connect();
})();
