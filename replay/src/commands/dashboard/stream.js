
// Stream of states, and the alarms of the page.

let stream, heard = Date.now(), since, clock = 0, why;
// Clock of the server, for the ages of its times.
const now = () => 1e6 * (Date.now() + clock);

const alarms = () => {
  const trading = state?.status.trading, report = state?.status.feed;
  const sentences = [];
  if (since) sentences.push(`Disconnected since ${new Date(since).toISOString().slice(11, 19)} UTC; the page shows the last known state. Reconnecting.`);
  if (why) sentences.push(why);
  if (state?.ruined) sentences.push("The account is ruined: net asset value fell to 0 or below, and trading has stopped.");
  if (trading?.state === "failed") sentences.push("The run failed" + (trading.why ? ": " + trading.why : "."));
  if (!since && isSilent()) sentences.push(`The last status of the run is ${span(silence())} old: it was killed or hangs.`);
  else if (!ended() && trading?.state !== "failed") {
    if (trading?.state === "halted") sentences.push("Trading is halted" + (trading.why ? ": " + trading.why : "."));
    if (report?.connected && report.stale) sentences.push(`The feed is stale: last message ${ago(report.last_message)}.`);
    else if (report && !report.connected) {
      const lost = report.outage_since ?? report.since;
      sentences.push("The feed is disconnected" + (known(lost) ? ` since ${moment(lost)}.` : "."));
    }
  }
  sentences.push(...(state?.troubles ?? []));
  return sentences;
};
const banner = () => {
  const trading = state?.status.trading;
  const sentences = alarms();
  find("banner").hidden = !sentences.length;
  find("banner").textContent = sentences.join(" ");
  const time = known(trading?.ended) ? trading.ended : trading?.time;
  find("notice").hidden = !ended();
  find("notice").textContent = ended() ? `The run ended normally at ${moment(time)}, ${ago(time)}.` : "";
  document.body.classList.toggle("late", Boolean(since || why));
};

const show = () => {
  tiles(); lines(); positions(); costs(); fills(); orders(); events();
  feed(); queues(); latency(); choices(); betas(); banner();
  find("source").textContent = state.feed?.name ?? "";
  const version = state.version ? "betaflow " + state.version + ". " : "";
  find("foot").textContent = `${version}${number(state.frames, 0)} frames, ${number(state.fill_count, 0)} fills, ` +
    `${number(state.order_count, 0)} orders recorded. Times are UTC. This page is read-only.`;
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
    // Do not draw a hidden page.
    if (!document.hidden) show();
  });
  stream.addEventListener("nothing", event => {
    hear();
    why = "Cannot read the state: " + event.data;
    banner();
  });
  stream.onerror = lose;
};
document.addEventListener("visibilitychange", () => { if (!document.hidden && state) show(); });
// Detect connections that end silently, and update ages.
setInterval(() => {
  if (!since && Date.now() - heard > 1000 * LATE_S) lose();
  if (state && !document.hidden) { feed(); banner(); betas(); }
}, 1000);
connect();
