// The fleet at a glance. Reads the public API with the key that the visitor gave; nothing comes from elsewhere.
import { drawAlerts, OPEN_STATES, quiet, tag, TO_ACKNOWLEDGE, WORST_FIRST } from "./alerts.js";
import { openCase, prepareCase } from "./case.js";
import { say, switchLanguage, translatePage } from "./catalogue.js";
import { svg } from "./charts.js";
import { current, drawHistory, drawPoint, drawSignals, hide, show } from "./machine.js";
import { call, element, find, readAll, session } from "./service.js";
import { condition, grade, moment, percent, remaining, words } from "./words.js";

const POLL_MS = 5000;
let isAsking = false;

// ------------------------------------------------------------------------------------------ fleet
function healthCell(row) {
  if (row.health === null) return quiet(row.learning_progress === null ? "–" : say("page.learning", { share: percent(row.learning_progress) }));
  const bar = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: grade(row.health), width: Math.max(1, 100 * row.health), height: 10 }));
  return element("span", { className: "health" }, bar, percent(row.health));
}

function remainingCell(row) {
  const [figure, interval] = remaining(row);
  if (row.rul_source === null || row.rul_source === "none") return quiet(figure);
  return element("span", {}, figure, ...(interval ? [" ", quiet(`(${interval})`)] : []));
}

function machineRow(row) {
  const open = element("button", { type: "button", textContent: row.name || row.machine });
  const place = `${row.site_name || row.site} / ${row.line_name || row.line}`;
  const about = element("span", { className: "quiet small" }, [row.tag, row.name && row.machine, place].filter(Boolean).join(" · "));
  const found = row.symptom ? condition(row) : quiet(condition(row));
  const cells = [element("span", {}, open, element("br"), about), healthCell(row), words(row.operating_state) || quiet("–"), found,
    row.zone ?? quiet("–"), remainingCell(row), row.alert ? tag(row.alert.severity) : quiet(say("page.none")),
    row.measured_at ? moment(Date.parse(row.measured_at)) : quiet(say("page.never"))];
  const line = element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  line.dataset.machine = row.machine;
  line.addEventListener("click", () => openMachine(row.machine));
  return line;
}

async function openMachine(machine) {
  await guarded(() => show(machine));
  markCurrent();
}

function markCurrent() {
  for (const row of find("fleet").tBodies[0].rows) {
    if (row.dataset.machine && row.dataset.machine === current()) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

async function acknowledge(alert) {
  const focused = document.activeElement;
  let told = "";
  try {
    await call(`/v1/alerts/${alert.id}/acknowledge`, { method: "POST", headers: { "If-Match": `"${alert.version}"` } });
  } catch (error) {
    told = error.status === 403 ? say("page.read-only") : error.message;
  }
  find("alert-problem").textContent = told && say("page.not-acknowledged", { why: told });
  await guarded(refresh);
  if (focused && !focused.isConnected && document.activeElement === document.body) find("alerts-title").focus();
}

async function refresh() {
  const [machines, ...listed] = await Promise.all([
    readAll("/v1/machines?limit=500"),
    ...OPEN_STATES.map((state) => readAll(`/v1/alerts?state=${state}&limit=200`, 200)),
  ]);
  const alerts = listed.flat(), unseen = alerts.filter((alert) => TO_ACKNOWLEDGE.includes(alert.state));
  const focused = document.activeElement?.closest("[data-machine]")?.dataset.machine;
  const rank = (row) => (row.alert ? WORST_FIRST.indexOf(row.alert.severity) : 3);
  machines.sort((a, b) => rank(a) - rank(b) || (a.health ?? 2) - (b.health ?? 2) || a.machine.localeCompare(b.machine));
  const none = element("tr", {}, element("td", { colSpan: 8, className: "quiet" }, say("page.no-machine")));
  find("fleet").tBodies[0].replaceChildren(...(machines.length ? machines.map(machineRow) : [none]));
  markCurrent();
  drawAlerts(alerts, { open: (id) => guarded(() => openCase(id, () => guarded(refresh))), openMachine, acknowledge });
  if (focused) document.querySelector(`tr[data-machine="${CSS.escape(focused)}"] button`)?.focus();
  summarise(machines, unseen);
}

function summarise(machines, unseen) {
  const worst = machines.filter((row) => row.alert?.severity === "critical").length;
  const learning = machines.filter((row) => row.health === null).length;
  const tiles = [[machines.length, say("page.machines")], [worst, say("page.with-critical"), worst ? "bad" : ""],
    [unseen.length, say("page.to-acknowledge"), unseen.length ? "fair" : ""], [learning, say("page.still-learning")]];
  find("summary").replaceChildren(...tiles.map(([count, text, colour = ""]) =>
    element("li", {}, element("strong", { className: colour }, String(count)), ` ${text}`)));
  find("status").textContent = say("page.read-at", { time: new Date().toLocaleTimeString("en-GB") });
}

// ------------------------------------------------------------------------------------------- life
function ask(refusal) {
  if (isAsking) return;
  isAsking = true;
  find("refusal").textContent = refusal ?? "";
  find("ask").showModal();
}

find("ask").addEventListener("close", () => {
  isAsking = false;
  const given = find("key").value.trim();
  find("key").value = "";
  if (given) {
    session.key = given;
    localStorage.setItem("pdm.key", given);
  }
  live();
});
find("forget").addEventListener("click", () => ask());
find("close").addEventListener("click", () => {
  const machine = current();
  hide();
  markCurrent();
  document.querySelector(`tr[data-machine="${CSS.escape(machine)}"] button`)?.focus();
});
for (const id of ["point", "feature"]) find(id).addEventListener("change", () => guarded(drawPoint));
for (const id of ["kind", "span", "reach"]) find(id).addEventListener("change", () => guarded(drawSignals));

async function guarded(action) {
  try {
    await action();
    return true;
  } catch (error) {
    if (error.status === 401) ask(error.message);
    else find("status").textContent = error.message;
    return false;
  }
}

/** Refresh with every alert event, until the stream ends. */
async function listen(signal) {
  const response = await fetch("/v1/alerts/stream", { headers: { Authorization: `Bearer ${session.key}` }, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (value.includes("event: alert")) guarded(refresh);
  }
}

const pause = () => new Promise((done) => setTimeout(done, POLL_MS));

let running = null;
async function live() {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  if (!session.key) { ask(); return; }
  if (!(await guarded(refresh)) && isAsking) return;
  (async () => {
    while (!signal.aborted) {
      await listen(signal).catch(() => {});
      await pause();
    }
  })();
  while (!signal.aborted) {
    await pause();
    if (document.hidden || isAsking || signal.aborted) continue;
    if ((await guarded(refresh)) && current()) await guarded(drawHistory);
  }
}

translatePage();
prepareCase();
find("language").addEventListener("click", switchLanguage);
live();
