
// How the run is: feed, queues, latency.

const ago = time => known(time) ? span(Math.max(0, (now() - time) / 1e9)) + " ago" : NONE;

const ended = () => Boolean(state?.status.trading?.ended || state?.status.trading?.state === "ended");
// Seconds since the run said how it is.
const silence = () => {
  const times = Object.values(state?.status ?? {}).map(row => row?.time).filter(known);
  return times.length ? (now() - Math.max(...times)) / 1e9 : undefined;
};
const isSilent = () => !ended() && state?.status.trading?.state !== "failed" && silence() > FRESH_S;

// Counters that are usually 0, where they are not.
const counts = (said, names) => names.map(([member, text]) => [said[member], text])
  .filter(([count]) => count > 0).map(([count, text]) => `${number(count, 0)} ${text}`).join(", ");

const feedRows = said => {
  const since = known(said.since) && !isSilent() ? `, since ${moment(said.since)}` : "";
  const link = ended() ? "closed" : isSilent() ? "not known" : said.connected ? "connected" : "disconnected";
  const outage = known(said.outage_since) ? `; lost since ${moment(said.outage_since)}` : "";
  const venue = said.venue ?? {};
  const faults = Object.entries(venue.faults ?? {}).map(([kind, count]) => `${number(count, 0)} ${kind.replace(/_/g, " ")}`).join(", ");
  const symbols = [["never_heard", "never heard"], ["quiet", "quiet"], ["not_asked", "not asked for"]]
    .filter(([member]) => venue[member]?.length).map(([member, text]) => `${text}: ${venue[member].join(", ")}`).join("; ");
  const refused = counts(said, [["refused", "malformed"], ["unknown", "of unknown type"], ["overflowed", "without room"]]);
  const waits = said.blocked > 0 ? `; waited ${number(said.blocked, 0)} times, ${nanoseconds(said.blocked_ns)}` : "";
  return [
    ["from", said.name || NONE],
    ["connection", link + since],
    ["last message", ago(said.last_message) + (said.stale ? ", stale" : "")],
    ["messages", `${number(said.messages, 0)}, ${number(said.bytes / 1e6, 1)} MB`],
    ["outages", number(said.outages ?? 0, 0) + outage],
    ["gaps", `${number(said.gaps, 0)}; ${number(said.missing, 0)} messages missing, ${number(said.back_filled, 0)} filled in afterwards`],
    ["reconnects", `${number(said.reconnects, 0)}, ${number(said.failures ?? 0, 0)} attempts failed`],
    ["repeats, out of order", `${number(said.repeats, 0)}, ${number(said.reordered, 0)}`],
    ["conflated", number(said.conflated, 0) + waits],
    ["refused", refused || "0"],
    ...(faults ? [["faults of the venue", faults]] : []),
    ...(symbols ? [["symbols", symbols]] : []),
  ];
};

const feed = () => {
  const said = state.status.feed;
  const rows = said ? feedRows(said) : [["from", state.feed?.name ?? NONE], ["health", "the run has not said yet"]];
  find("feed").replaceChildren(...rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
  const trading = state.status.trading;
  const text = isSilent() ? "silent" : trading ? trading.state.replace(/_/g, " ") : "";
  const bad = ["halted", "ruined", "failed", "silent"].includes(text);
  pill("trading", text, text === "trading" ? "good" : bad ? "bad" : "wait");
  const link = said?.connected ? (said.stale ? "feed stale" : "feed connected") : "feed disconnected";
  pill("connected", said && !ended() && !isSilent() ? link : "", link === "feed connected" ? "good" : "bad");
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
  const measured = (state.status.latency?.stages ?? []).filter(stage => stage.count > 0);
  // From half of the first bucket that anything fell into, to the longest of all.
  const starts = measured.flatMap(stage => stage.buckets.filter(([, count]) => count > 0).slice(0, 1).map(([upper]) => upper / 2));
  const low = Math.max(1, Math.min(...starts, 1e12));
  const high = Math.max(2 * low, ...measured.map(stage => stage.max_ns));
  const range = measured.length ? `${nanoseconds(low)} to ${nanoseconds(high)}, line at 99 %` : "";
  fill(find("latency"),
    [["stage", "text"], ["measured"], ["median"], ["99 %"], ["longest"], [range, "text"]],
    measured.map(stage => [
      { text: stage.stage, style: "text", title: stage.stage },
      { text: number(stage.count, 0), value: stage.count },
      { text: nanoseconds(stage.p50_ns), value: stage.p50_ns },
      { text: nanoseconds(stage.p99_ns), value: stage.p99_ns },
      { text: nanoseconds(stage.max_ns), value: stage.max_ns },
      { draw: histogram(stage, low, high), style: "draw" },
    ]), state.status.latency ? "nothing is measured yet" : "the run has not said yet");
};
