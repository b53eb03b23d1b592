"use strict";
// The live page of restmarkd's admin endpoint: asks /status and /events once a second, and shows what has changed since.

const PERIOD_MS = 1000;
const WINDOW_MS = 5000;     // rates and quantiles are of this long
const HISTORY = 300;        // points of the curve
const EVENTS = 50;          // rows
const PATIENCE_MS = 3000;   // an answer takes milliseconds

const byId = id => document.getElementById(id);
let samples = [];           // of /status, oldest first, WINDOW_MS long
let history = [];           // requests/s
let eventsBegan = 0;        // of the list that lastEvent is a number of
let lastEvent = 0;
let paused = false;
let timer = 0;              // of the next question; 0: none
let asking = false;
let answeredAt = null;

// ---- numbers ----

// All routes of one worker as one, or one route.
function total(routes) {
  const sum = { requests: 0, errors: 0, durations: [] };
  for (const route of Object.values(routes)) {
    sum.requests += route.requests;
    sum.errors += route.errors_4xx + route.errors_5xx; // what was aborted has its own column
    route.durations.forEach((n, i) => { sum.durations[i] = (sum.durations[i] || 0) + n; });
  }
  return sum;
}

// What came in between two totals. A restart of the daemon makes numbers smaller: that is nothing.
function since(now, then) {
  const grown = (a, b) => Math.max(0, a - b);
  return {
    requests: grown(now.requests, then.requests),
    errors: grown(now.errors, then.errors),
    durations: now.durations.map((n, i) => grown(n, then.durations[i])),
  };
}

// Linear inside its bucket, as Prometheus' histogram_quantile() has it. In the last bucket its lower limit.
function quantile(durations, limits, q) {
  const rank = q * durations.reduce((a, b) => a + b, 0);
  let below = 0;
  if (rank === 0)
    return null;
  for (let i = 0; i < limits.length; i++) {
    if (below + durations[i] >= rank) {
      const low = i > 0 ? limits[i - 1] : 0;
      return low + (limits[i] - low) * (rank - below) / durations[i];
    }
    below += durations[i];
  }
  return limits[limits.length - 1];
}

function formatNumber(n, digits = 0) {
  return n.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const formatRate = n => n === null ? "–" : formatNumber(n, n < 10 && n > 0 ? 1 : 0);
const formatMib = bytes => formatNumber(bytes / 1048576, 1);

function formatTime(ns) {
  if (ns === null)
    return "–";
  const [value, unit] = ns < 1e6 ? [ns / 1e3, "µs"] : ns < 1e9 ? [ns / 1e6, "ms"] : [ns / 1e9, "s"];
  return `${formatNumber(value, value < 10 ? 1 : 0)} ${unit}`;
}

function formatAge(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60)
    return `${s} s`;
  if (s < 3600)
    return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400)
    return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

const pad = (n, width = 2) => String(n).padStart(width, "0");

function formatClock(date) {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

// ---- the document ----

function set(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

function make(tag, classes, parent) {
  const element = document.createElement(tag);
  if (classes)
    element.className = classes;
  parent.append(element);
  return element;
}

// Rows keep their place in the document from one second to the next, so that a selection or a reader's position survives.
function rowsOf(table, keys, build) {
  const body = table.tBodies[0];
  const old = new Map([...body.rows].map(row => [row.dataset.key, row]));
  const rows = new Map();
  keys.forEach((key, i) => {
    let row = old.get(key);
    if (!row) {
      row = document.createElement("tr");
      row.dataset.key = key;
      build(row);
    }
    old.delete(key);
    rows.set(key, row);
    if (body.rows[i] !== row)
      body.insertBefore(row, body.rows[i] || null);
  });
  old.forEach(row => row.remove());
  return rows;
}

function buildCells(row, classes) {
  make("th", "", row).scope = "row";
  for (const c of classes)
    make("td", c, row);
}

// ---- workers ----

const STATES = { ready: ["●", "ready"], starting: ["◌", ""], draining: ["◔", ""], backoff: ["▲", "trouble"], killed: ["✕", "trouble"] };

function buildWorker(row) {
  buildCells(row, ["", "n", "n", "n", "n", "", "n", "n", "n", "n", "n", ""]);
  const bar = make("div", "bar", row.cells[6]);
  const track = make("span", "track", bar);
  make("span", "private", track);
  make("span", "shared", track);
  make("span", "", bar);
}

function showMemory(cell, memory, most) {
  const [track, text] = cell.firstChild.children;
  const width = bytes => `${memory ? 100 * bytes / most : 0}%`;
  track.children[0].style.width = width(memory && memory.uss_bytes);
  track.children[1].style.width = width(memory && memory.shared_bytes);
  set(text, memory ? `${formatMib(memory.uss_bytes)} private + ${formatMib(memory.shared_bytes)} shared` : "not known");
}

function showState(cell, seat, stuck) {
  const [mark, tone] = stuck ? ["▲", "trouble"] : STATES[seat.state] || ["○", ""];
  set(cell, `${mark} ${seat.state}${stuck ? `, silent for ${formatAge(seat.beat_age_ms)}` : ""}${seat.crash_loop ? ", crash loop" : ""}`);
  cell.className = tone;
}

function cpuShare(seat, before, elapsedMs) {
  if (!before || before.pid !== seat.pid || seat.cpu_ns === null || before.cpu_ns === null)
    return "–";
  return `${formatNumber((seat.cpu_ns - before.cpu_ns) / elapsedMs / 1e4)} %`;
}

// The columns that belong to a process, of a slot's own worker or of the one beside it.
function showSeat(row, seat, before, now, elapsedMs, most) {
  const cells = row.cells;
  showState(cells[1], seat, seat.beat_age_ms > 3000);
  set(cells[5], formatNumber(seat.connections));
  showMemory(cells[6], seat.memory, most);
  set(cells[7], cpuShare(seat, before, elapsedMs));
  set(cells[8], seat.pid ? formatAge(now - seat.started_unix_ms) : "–");
  set(cells[9], seat.pid ? String(seat.pid) : "–");
  set(cells[10], String(seat.generation));
  // What takes long is of interest; the rest would flicker by.
  const work = seat.working && seat.working.age_ms >= 1000 ? seat.working : null;
  set(cells[12], work ? `${work.route}${work.query} for ${formatAge(work.age_ms)}` : "–");
}

function showRates(row, first, delta, elapsedMs, limits) {
  set(row.cells[first], formatRate(delta ? delta.requests * 1000 / elapsedMs : null));
  set(row.cells[first + 1], formatTime(delta ? quantile(delta.durations, limits, 0.5) : null));
  set(row.cells[first + 2], formatTime(delta ? quantile(delta.durations, limits, 0.99) : null));
}

function showWorkers(now, then, elapsedMs) {
  const before = new Map(then ? then.workers.map(w => [w.slot, w]) : []);
  const seats = now.workers.flatMap(w => w.beside ? [w, w.beside] : [w]);
  const most = Math.max(1, ...seats.map(s => s.memory ? s.memory.rss_bytes : 0));
  const keys = now.workers.flatMap(w => w.beside ? [`${w.slot}`, `${w.slot} beside`] : [`${w.slot}`]);
  const rows = rowsOf(byId("workers"), keys, buildWorker);
  for (const w of now.workers) {
    const row = rows.get(`${w.slot}`), old = before.get(w.slot);
    set(row.cells[0], String(w.slot));
    // The slot's connections are those of both its workers; the row shows its own worker's.
    const own = w.beside ? { ...w, connections: w.connections - w.beside.connections } : w;
    showSeat(row, own, old, now.now_unix_ms, elapsedMs, most);
    showRates(row, 2, old ? since(total(w.routes), total(old.routes)) : null, elapsedMs, now.duration_limits_ns);
    set(row.cells[11], formatNumber(w.restarts));
    if (!w.beside)
      continue;
    const other = rows.get(`${w.slot} beside`);
    other.className = "beside";
    set(other.cells[0], `${w.slot} beside`);
    showSeat(other, w.beside, old && old.beside, now.now_unix_ms, elapsedMs, most);
    for (const i of [2, 3, 4, 11])
      set(other.cells[i], "");
  }
}

// ---- the rest ----

function showRoutes(now, then, elapsedMs) {
  const rows = rowsOf(byId("routes"), Object.keys(now.routes), row => buildCells(row, ["n", "n", "n", "n", "n", "n", "n"]));
  for (const [name, route] of Object.entries(now.routes)) {
    const cells = rows.get(name).cells;
    set(cells[0], name);
    showRates(rows.get(name), 1, then ? since(total({ route }), total({ route: then.routes[name] })) : null, elapsedMs, now.duration_limits_ns);
    [route.requests, route.errors_4xx, route.errors_5xx, route.aborted].forEach((n, i) => set(cells[4 + i], formatNumber(n)));
  }
}

// Those that are configured: whoever has never tried to connect is not.
function showStores(now, then, elapsedMs) {
  const used = Object.entries(now.stores).filter(([, store]) => store.connects + store.lost > 0);
  const rows = rowsOf(byId("stores"), used.map(([name]) => name), row => buildCells(row, Array(12).fill("n")));
  const answers = store => ({ requests: store.durations.reduce((a, b) => a + b, 0), errors: 0, durations: store.durations });
  byId("stores-section").hidden = used.length === 0;
  for (const [name, store] of used) {
    const cells = rows.get(name).cells;
    set(cells[0], name);
    showRates(rows.get(name), 1, then ? since(answers(store), answers(then.stores[name])) : null, elapsedMs, now.duration_limits_ns);
    [store.connections, store.busy, store.waiting, store.good, store.away, store.late + store.forgotten, store.refused, store.wrong, store.lost]
        .forEach((n, i) => set(cells[4 + i], formatNumber(n)));
    cells[4].className = store.connections === 0 ? "n trouble" : "n";
  }
}

// Where no call has come there is no word of calls.
function showCalls(now, then, elapsedMs) {
  byId("rpc").hidden = now.rpc.calls + now.rpc.connections === 0;
  set(byId("calls"), formatRate(then && Math.max(0, now.rpc.calls - then.rpc.calls) * 1000 / elapsedMs));
}

function showHistory(rate) {
  history = [...history, rate].slice(-HISTORY);
  const top = Math.max(1, ...history);
  const points = history.map((r, i) => `${(600 * (HISTORY - history.length + i + 1) / HISTORY).toFixed(1)},${(57 - 54 * r / top).toFixed(1)}`);
  document.querySelector("#history polyline").setAttribute("points", points.join(" "));
  set(byId("history-text"), `Requests/s in the last five minutes; the highest is ${formatRate(Math.max(...history))}`);
}

function showTotals(now, then, elapsedMs) {
  const delta = then ? since(total(now.routes), total(then.routes)) : null;
  const sum = f => now.workers.reduce((n, w) => n + f(w), 0);
  const pss = s => s && s.memory ? s.memory.pss_bytes : 0;
  const ready = now.workers.filter(w => w.state === "ready").length;
  const rate = delta && delta.requests * 1000 / elapsedMs;
  set(byId("rate"), formatRate(rate));
  set(byId("p50"), formatTime(delta && quantile(delta.durations, now.duration_limits_ns, 0.5)));
  set(byId("p99"), formatTime(delta && quantile(delta.durations, now.duration_limits_ns, 0.99)));
  set(byId("errors"), formatRate(delta && delta.errors * 1000 / elapsedMs));
  set(byId("connections"), formatNumber(sum(w => w.connections)));
  set(byId("ready"), `${ready} of ${now.workers.length}`);
  byId("ready").className = ready < now.workers.length ? "trouble" : "";
  set(byId("memory"), `${formatMib(pss(now) + sum(w => pss(w) + pss(w.beside)))} MiB`);
  set(byId("version"), now.version);
  set(byId("about"), `${now.state}, master ${now.master_pid}, up ${formatAge(now.now_unix_ms - now.started_unix_ms)}, ` +
      `generation ${now.generation}, listening on ${now.listen.join(", ")}`);
  document.title = now.state === "running" ? `restmarkd: ${ready} of ${now.workers.length} ready` : `restmarkd: ${now.state}`;
  if (delta)
    showHistory(rate);
}

function showEvents(answer) {
  const body = byId("events").tBodies[0];
  if (answer.began_unix_ms !== eventsBegan)
    body.replaceChildren();
  eventsBegan = answer.began_unix_ms;
  lastEvent = answer.last;
  for (const event of answer.events) {
    const row = document.createElement("tr");
    const time = new Date(event.unix_ms);
    make("td", "", row).textContent = `${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${formatClock(time)}.${pad(time.getMilliseconds(), 3)}`;
    make("td", "", row).textContent = event.kind;
    make("td", "n", row).textContent = event.slot === null ? "–" : event.slot;
    make("td", "", row).textContent = event.text;
    body.prepend(row);
  }
  while (body.rows.length > EVENTS)
    body.lastChild.remove();
}

function alarm(text) {
  byId("alarm").hidden = text === "";
  set(byId("alarm"), text);
  byId("main").classList.toggle("old", text !== "");
}

// ---- the loop ----

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok)
    throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function take(now) {
  const newest = samples[samples.length - 1];
  if (newest && (newest.started_unix_ms !== now.started_unix_ms || now.now_unix_ms <= newest.now_unix_ms)) {
    samples = [];
    history = [];
  }
  samples.push(now);
  while (samples.length > 2 && now.now_unix_ms - samples[1].now_unix_ms >= WINDOW_MS)
    samples.shift();
  const then = samples.length > 1 ? samples[0] : null;
  const elapsedMs = then ? now.now_unix_ms - then.now_unix_ms : 0;
  showTotals(now, then, elapsedMs);
  showWorkers(now, then, elapsedMs);
  showRoutes(now, then, elapsedMs);
  showStores(now, then, elapsedMs);
  showCalls(now, then, elapsedMs);
}

async function tick() {
  let status = null, news = null;
  timer = 0;
  asking = true;
  try {
    status = await ask("status");
    news = await ask(`events?since=${lastEvent}`);
    if (news.began_unix_ms !== eventsBegan && lastEvent > 0) // a restarted or upgraded daemon's: numbers begin anew
      news = await ask("events");
    answeredAt = new Date();
    alarm("");
  } catch {
    alarm(`No answer from restmarkd${answeredAt ? ` since ${formatClock(answeredAt)}: what is below is old` : ""}. Asking again every second.`);
  }
  asking = false;
  schedule();
  if (news) {
    take(status);
    showEvents(news);
  }
}

const mayAsk = () => !asking && timer === 0 && !paused && !document.hidden;

function schedule() {
  if (mayAsk())
    timer = setTimeout(tick, PERIOD_MS);
}

function sleep() {
  clearTimeout(timer);
  timer = 0;
}

// Rates begin anew, as they would be of the time in between.
function wake() {
  if (mayAsk()) {
    samples = [];
    tick();
  }
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (paused)
    sleep();
  else
    wake();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden)
    sleep();
  else
    wake();
});
wake();
