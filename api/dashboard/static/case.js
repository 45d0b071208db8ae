// One alert as a case, in a dialog: what is known of it, and what the visitor does about it.
import { focusAlert, TO_ACKNOWLEDGE } from "./alerts.js";
import { drawCase } from "./case_parts.js";
import { say } from "./catalogue.js";
import { answer, find } from "./service.js";

const CHANGED = 412;
const shown = { id: null, etag: null, onChange: () => {} };

/** Open the case of an alert; `onChange` is called after whatever is done about it. */
export async function openCase(id, onChange) {
  Object.assign(shown, { id, onChange });
  for (const form of find("case").querySelectorAll("form")) form.reset();
  tell();
  await load(id);
  if (shown.id !== id || find("case").open) return;
  find("case").showModal();
  find("case").scrollTop = 0;
  find("case-title").focus();
}

async function load(id) {
  const place = `/v1/alerts/${id}`;
  const [read, known] = await Promise.all([answer(place), answer(`${place}/case`).then((told) => told.json())]);
  const alert = await read.json();
  if (shown.id !== id) return;
  shown.etag = read.headers.get("ETag");
  offer(alert);
  drawCase(alert, known);
}

/** Offer only what the state allows. */
function offer(alert) {
  const isOpen = alert.state !== "normal";
  const allowed = {
    acknowledge: TO_ACKNOWLEDGE.includes(alert.state), reset: alert.state === "latched",
    unshelve: alert.withheld === "shelved", shelve: isOpen && alert.withheld !== "shelved", comment: true, feedback: true,
  };
  for (const node of find("case").querySelectorAll("[data-verb]")) node.hidden = !allowed[node.dataset.verb];
}

function tell(problem = "", done = "") {
  find("case-problem").textContent = problem;
  find("case-done").textContent = done;
}

async function act(verb, body) {
  const id = shown.id;
  const headers = { "Content-Type": "application/json" };
  if (verb !== "feedback") headers["If-Match"] = shown.etag;
  try {
    await answer(`/v1/alerts/${id}/${verb}`, { method: "POST", headers, body: body && JSON.stringify(body) });
    if (shown.id !== id) return true;
    tell("", say("page.done"));
  } catch (error) {
    if (shown.id !== id) return false;
    tell(inWords(error));
    if (error.status !== CHANGED) return false;
    await load(id).catch((again) => tell(again.message));
    return false;
  } finally {
    shown.onChange();
  }
  await load(id).catch((error) => tell(error.message));
  find("case-title").focus();
  return true;
}

function inWords(error) {
  if (error.status === CHANGED) return say("page.changed-meanwhile");
  return error.status === 403 ? say("page.read-only") : error.message;
}

const BODIES = {
  comment: (given) => ({ comment: given.get("comment") }),
  shelve: (given) => ({ reason: given.get("reason"), until: new Date(Date.now() + 60000 * Number(given.get("minutes"))).toISOString() }),
  feedback: (given) => ({ verdict: given.get("verdict"), finding: given.get("finding") }),
};

/** Do what a control asks for, once at a time. */
async function once(buttons, verb, body) {
  for (const button of buttons) button.disabled = true;
  try {
    return await act(verb, body);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

export function prepareCase() {
  const panel = find("case");
  for (const button of panel.querySelectorAll("button[data-verb]")) {
    button.addEventListener("click", () => once([button], button.dataset.verb));
  }
  for (const form of panel.querySelectorAll("form[data-verb]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const verb = form.dataset.verb;
      if (await once(form.querySelectorAll("button"), verb, BODIES[verb](new FormData(form)))) form.reset();
    });
  }
  find("case-close").addEventListener("click", () => panel.close());
  panel.addEventListener("close", () => {
    const id = shown.id;
    shown.id = null;
    if (id) focusAlert(id);
  });
}
