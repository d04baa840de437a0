
// Health of the run: feed, queues, latency.

const ago = time => known(time) ? span(Math.max(0, (now() - time) / 1e9)) + " ago" : NONE;

const ended = () => Boolean(state?.status.trading?.ended || state?.status.trading?.state === "ended");
// Age of the status in seconds.
const silence = () => {
  const times = Object.values(state?.status ?? {}).map(row => row?.time).filter(known);
  return times.length ? (now() - Math.max(...times)) / 1e9 : undefined;
};
const isSilent = () => !ended() && state?.status.trading?.state !== "failed" && silence() > FRESH_S;

// Counters that are not 0.
const counts = (report, names) => names.map(([member, text]) => [report[member], text])
  .filter(([count]) => count > 0).map(([count, text]) => `${number(count, 0)} ${text}`).join(", ");

const feedRows = report => {
  const since = known(report.since) && !isSilent() ? `, since ${moment(report.since)}` : "";
  const link = ended() ? "closed" : isSilent() ? "unknown" : report.connected ? "connected" : "disconnected";
  const outage = known(report.outage_since) ? `; lost since ${moment(report.outage_since)}` : "";
  const venue = report.venue ?? {};
  const faults = Object.entries(venue.faults ?? {}).map(([kind, count]) => `${number(count, 0)} ${kind.replace(/_/g, " ")}`).join(", ");
  const symbols = [["never_heard", "no message"], ["quiet", "quiet"], ["not_asked", "not requested"]]
    .filter(([member]) => venue[member]?.length).map(([member, text]) => `${text}: ${venue[member].join(", ")}`).join("; ");
  const refused = counts(report, [["refused", "malformed"], ["unknown", "unknown type"], ["overflowed", "buffer full"]]);
  const waits = report.blocked > 0 ? `; delayed ${number(report.blocked, 0)} times, ${nanoseconds(report.blocked_ns)}` : "";
  return [
    ["source", report.name || NONE],
    ["connection", link + since],
    ["last message", ago(report.last_message) + (report.stale ? ", stale" : "")],
    ["messages", `${number(report.messages, 0)}, ${number(report.bytes / 1e6, 1)} MB`],
    ["outages", number(report.outages ?? 0, 0) + outage],
    ["gaps", `${number(report.gaps, 0)}; ${number(report.missing, 0)} messages missing, ${number(report.back_filled, 0)} back-filled`],
    ["reconnects", `${number(report.reconnects, 0)}, ${number(report.failures ?? 0, 0)} failed attempts`],
    ["duplicates, out of order", `${number(report.repeats, 0)}, ${number(report.reordered, 0)}`],
    ["conflated", number(report.conflated, 0) + waits],
    ["malformed", refused || "0"],
    ...(faults ? [["data faults", faults]] : []),
    ...(symbols ? [["symbols", symbols]] : []),
  ];
};

const feed = () => {
  const report = state.status.feed;
  const rows = report ? feedRows(report) : [["source", state.feed?.name ?? NONE], ["health", "no status yet"]];
  find("feed").replaceChildren(...rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
  const trading = state.status.trading;
  const text = isSilent() ? "silent" : trading ? trading.state.replace(/_/g, " ") : "";
  const bad = ["halted", "ruined", "failed", "silent"].includes(text);
  pill("trading", text, text === "trading" ? "good" : bad ? "bad" : "wait");
  const link = report?.connected ? (report.stale ? "feed stale" : "feed connected") : "feed disconnected";
  pill("connected", report && !ended() && !isSilent() ? link : "", link === "feed connected" ? "good" : "bad");
};

const queues = () => fill(find("queues"),
  [["queue", "text"], ["depth"], ["capacity"], ["highest"], ["", "text"]],
  (state.status.queues?.queues ?? []).map(row => [
    { text: row.name, style: "text", title: row.name },
    { text: number(row.depth, 0), value: row.depth },
    { text: number(row.capacity, 0) },
    { text: number(row.highest, 0) },
    { draw: weightBar(row.depth, row.highest, 0, row.capacity), style: "draw" },
  ]), "no status yet");

// Histogram over a logarithmic time axis, common to all stages, with a line at the 99th percentile.
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
  const measured = (state.status.latency?.stages ?? []).filter(stage => stage.count > 0);
  // From half of the first non-empty bucket to the maximum of all stages.
  const starts = measured.flatMap(stage => stage.buckets.filter(([, count]) => count > 0).slice(0, 1).map(([upper]) => upper / 2));
  const low = Math.max(1, Math.min(...starts, 1e12));
  const high = Math.max(2 * low, ...measured.map(stage => stage.max_ns));
  const range = measured.length ? `${nanoseconds(low)} to ${nanoseconds(high)}, line: 99th percentile` : "";
  fill(find("latency"),
    [["stage", "text"], ["count"], ["median"], ["99 %"], ["maximum"], [range, "text"]],
    measured.map(stage => [
      { text: stage.stage, style: "text", title: stage.stage },
      { text: number(stage.count, 0), value: stage.count },
      { text: nanoseconds(stage.p50_ns), value: stage.p50_ns },
      { text: nanoseconds(stage.p99_ns), value: stage.p99_ns },
      { text: nanoseconds(stage.max_ns), value: stage.max_ns },
      { draw: histogram(stage, low, high), style: "draw" },
    ]), state.status.latency ? "no measurement yet" : "no status yet");
};
