// The fleet at a glance. Reads the public API with the key that the visitor gave; nothing comes from elsewhere.
import { draw, svg } from "./charts.js";

const POLL_MS = 5000;
const find = (id) => document.getElementById(id);
const state = { key: localStorage.getItem("pdm.key"), machine: null, trend: null, isAsking: false };

class Refusal extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

async function call(path, options = {}) {
  const headers = { Authorization: `Bearer ${state.key}`, ...options.headers };
  const response = await fetch(path, { ...options, headers });
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Refusal(response.status, told.detail ?? response.statusText);
  }
  return response.json();
}

async function readAll(path) {
  const items = [];
  let cursor = null;
  do {
    const page = await call(path + (cursor ? `${path.includes("?") ? "&" : "?"}cursor=${cursor}` : ""));
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < 5000);
  return items;
}

// ------------------------------------------------------------------------------------------ words
const UNITS = [["a", 31557600], ["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= 2 * size) ?? ["s", 1];
  return `${number(seconds / size)} ${unit}`;
}
const number = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
const moment = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
const words = (text) => (text ?? "").replaceAll("_", " ").replaceAll(".", " ");
const grade = (health) => (health >= 0.7 ? "good" : health >= 0.4 ? "fair" : "bad");
const SEVERITY = { advisory: "quiet", warning: "fair", critical: "bad" };

function remaining(row) {
  if (row.rul_s === null && row.rul_lower_s === null) return "no prognosis";
  const interval = row.rul_upper_s === null
    ? `at least ${duration(row.rul_lower_s)}` : `${duration(row.rul_lower_s)} to ${duration(row.rul_upper_s)}`;
  return row.rul_s === null ? interval : `${duration(row.rul_s)} (${interval})`;
}

function condition(row) {
  if (row.learning_progress !== null && row.health === null) {
    return `learning, ${Math.round(100 * row.learning_progress)} %`;
  }
  const parts = [words(row.symptom), row.component, row.zone && `zone ${row.zone}`].filter(Boolean);
  return parts.join(" · ") || (row.health === null ? "not analysed yet" : "nothing found");
}

// ------------------------------------------------------------------------------------------ fleet
function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function healthBar(health) {
  if (health === null) return element("span", { className: "quiet" }, "–");
  const bar = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: grade(health), width: Math.max(1, 100 * health), height: 10 }));
  return element("span", { className: "health" }, bar, `${Math.round(100 * health)} %`);
}

function machineRow(row) {
  const open = element("button", { type: "button", textContent: row.machine });
  open.addEventListener("click", () => show(row.machine));
  const alert = row.alert
    ? element("span", { className: `tag ${SEVERITY[row.alert.severity]}` }, row.alert.severity)
    : element("span", { className: "quiet" }, "none");
  const cells = [open, `${row.site} / ${row.line}`, healthBar(row.health), condition(row), remaining(row), alert,
    row.measured_at ? moment(Date.parse(row.measured_at)) : "–"];
  const line = element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  line.dataset.machine = row.machine;
  if (row.machine === state.machine) line.setAttribute("aria-current", "true");
  return line;
}

function alertItem(alert) {
  const item = element("li", {},
    element("span", { className: `tag ${SEVERITY[alert.severity]}` }, alert.severity),
    element("strong", {}, alert.machine), element("span", {}, words(alert.message)),
    element("span", { className: "quiet" }, `${alert.cause} · since ${moment(Date.parse(alert.opened_at))}`));
  if (alert.state === "active") {
    const button = element("button", { type: "button", textContent: "Acknowledge" });
    button.setAttribute("aria-label", `Acknowledge the alert of ${alert.machine}`);
    button.addEventListener("click", () => acknowledge(alert));
    item.append(button);
  } else {
    item.append(element("span", { className: "quiet" }, `acknowledged by ${alert.acknowledged_by}`));
  }
  return item;
}

async function acknowledge(alert) {
  try {
    await call(`/v1/alerts/${alert.id}/acknowledge`, { method: "POST", headers: { "If-Match": `"${alert.version}"` } });
    await refresh();
  } catch (error) {
    find("status").textContent = error.message;
  }
}

async function refresh() {
  const [machines, active, seen] = await Promise.all([
    readAll("/v1/machines?limit=500"), call("/v1/alerts?state=active&limit=50"),
    call("/v1/alerts?state=acknowledged&limit=20"),
  ]);
  const focused = document.activeElement?.closest("#fleet tr")?.dataset.machine;
  machines.sort((a, b) => (a.health ?? 2) - (b.health ?? 2) || a.machine.localeCompare(b.machine));
  find("fleet").tBodies[0].replaceChildren(...machines.map(machineRow));
  if (focused) document.querySelector(`#fleet tr[data-machine="${focused}"] button`)?.focus();
  const alerts = [...active.items, ...seen.items];
  find("alerts").replaceChildren(...(alerts.length ? alerts.map(alertItem) : [element("li", { className: "quiet" }, "none")]));
  find("status").textContent = `${machines.length} machines · ${new Date().toLocaleTimeString()}`;
}

// ----------------------------------------------------------------------------------------- detail
async function show(machine) {
  state.machine = machine;
  const described = await call(`/v1/machines/${machine}`);
  const points = described.points.filter((point) => point.sampling_rate_hz !== null);
  find("point").replaceChildren(...points.map((point) => element("option", { value: point.point }, point.point)));
  find("detail").hidden = false;
  find("detail-title").textContent = machine + (described.name ? ` · ${described.name}` : "");
  await Promise.all([drawHistory(), drawPoint()]);
  document.querySelectorAll("#fleet tr").forEach((row) => {
    if (row.dataset.machine === machine) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  });
  find("detail-title").focus();
}

async function drawHistory() {
  const machine = state.machine;
  const [health, prognosis, histories] = await Promise.all([
    call(`/v1/machines/${machine}/health`), call(`/v1/machines/${machine}/prognosis`),
    Promise.all(["health", "prognosis"].map((kind) => call(`/v1/machines/${machine}/${kind}/history?limit=1000`))),
  ]);
  const found = { ...health, ...prognosis, zone: health.zone };
  find("verdict").textContent = [condition(found), remaining(prognosis), prognosis.source !== "none" && `by ${prognosis.source}`,
    prognosis.level && `interval at ${Math.round(100 * prognosis.level)} %`, prognosis.reason].filter(Boolean).join(" · ");
  const [assessed, prognosed] = histories.map((page) => page.items.toReversed());
  draw(find("health-chart"), {
    x: assessed.map((row) => Date.parse(row.measured_at)), y: assessed.map((row) => row.health ?? NaN), floor: 0,
    formatX: moment, formatY: (value) => `${Math.round(100 * value)} %`, label: `Health of ${machine} over time`,
  });
  draw(find("rul-chart"), {
    x: prognosed.map((row) => Date.parse(row.measured_at)), y: prognosed.map((row) => row.rul_s ?? NaN), floor: 0,
    band: prognosed.map((row) => [row.rul_lower_s ?? NaN, row.rul_upper_s ?? NaN]),
    formatX: moment, formatY: duration, label: `Remaining life of ${machine} over time`,
  });
}

async function drawPoint() {
  const point = find("point").value;
  if (!point) {
    for (const id of ["trend-chart", "spectrum-chart"]) draw(find(id), { x: [], y: [] });
    return;
  }
  const chosen = find("feature").value;
  const trend = await call(`/v1/machines/${state.machine}/features/${point}${chosen ? `?names=${chosen}` : ""}`).catch((error) => {
    if (error.status === 422 && chosen) { find("feature").value = ""; return call(`/v1/machines/${state.machine}/features/${point}`); }
    throw error;
  });
  const names = trend.available;
  const name = Object.keys(trend.features)[0];
  find("feature").replaceChildren(...names.map((each) => element("option", { value: each, selected: each === name }, words(each))));
  const course = trend.features[name];
  draw(find("trend-chart"), {
    x: trend.starts.map(Date.parse), y: course.mean.map((value) => value ?? NaN),
    band: course.minimum.map((low, i) => [low ?? NaN, course.maximum[i] ?? NaN]),
    formatX: moment, formatY: number, label: `${words(name)} of ${point} over time`,
  });
  await drawSpectrum();
}

async function drawSpectrum() {
  const point = find("point").value;
  const last = (await call(`/v1/machines/${state.machine}/acquisitions?limit=1`)).items[0];
  if (!last || last.missing.includes(point)) {
    draw(find("spectrum-chart"), { x: [], y: [] });
    return;
  }
  const at = encodeURIComponent(last.measured_at);
  const path = `/v1/machines/${state.machine}/acquisitions/${at}/spectrum/${point}?kind=${find("kind").value}`;
  const spectrum = await call(path);
  draw(find("spectrum-chart"), {
    x: spectrum.amplitudes.map((_, line) => line * spectrum.resolution_hz), y: spectrum.amplitudes, floor: 0,
    formatX: (value) => `${number(value)} Hz`, formatY: (value) => `${number(value)} ${spectrum.unit}`,
    label: `${spectrum.kind} spectrum of ${point}`,
  });
}

// ------------------------------------------------------------------------------------------- life
function ask(refusal) {
  if (state.isAsking) return;
  state.isAsking = true;
  find("refusal").textContent = refusal ?? "";
  find("ask").showModal();
}

find("ask").addEventListener("close", () => {
  state.isAsking = false;
  state.key = find("key").value.trim();
  localStorage.setItem("pdm.key", state.key);
  live();
});
find("forget").addEventListener("click", () => { localStorage.removeItem("pdm.key"); ask(); });
find("close").addEventListener("click", () => { state.machine = null; find("detail").hidden = true; });
find("point").addEventListener("change", () => guarded(drawPoint));
find("feature").addEventListener("change", () => guarded(drawPoint));
find("kind").addEventListener("change", () => guarded(drawSpectrum));

async function guarded(action) {
  try {
    await action();
    return true;
  } catch (error) {
    if (error.status === 401 || error.status === 403) ask(error.message);
    else find("status").textContent = `waiting: ${error.message}`;
    return false;
  }
}

/** Wait for an alert event, at most until the next look is due. */
async function wake(signal) {
  const response = await fetch("/v1/alerts/stream", { headers: { Authorization: `Bearer ${state.key}` }, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (value.includes("event: alert")) guarded(refresh);
  }
}

let running = null;
async function live() {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  if (!state.key) { ask(); return; }
  if (!(await guarded(refresh)) && state.isAsking) return;
  (async () => {
    while (!signal.aborted) {
      await wake(signal).catch(() => {});
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  })();
  while (!signal.aborted) {
    await new Promise((done) => setTimeout(done, POLL_MS));
    if (!document.hidden && !state.isAsking && !signal.aborted) {
      await guarded(refresh);
      if (state.machine) await guarded(drawHistory);
    }
  }
}

live();
