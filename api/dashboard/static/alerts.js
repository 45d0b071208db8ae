// The list of open alerts; a row opens its case.
import { say } from "./catalogue.js";
import { element, find } from "./service.js";
import { moment, SEVERITY } from "./words.js";

export const TO_ACKNOWLEDGE = ["unacknowledged", "returned"];
const SEEN = {
  acknowledged: (alert) => say("page.acknowledged-by", { actor: alert.acknowledged_by }),
  latched: () => say("page.waits-for-reset"),
};
export const OPEN_STATES = [...TO_ACKNOWLEDGE, ...Object.keys(SEEN)];
export const WORST_FIRST = ["critical", "warning", "advisory"];

export const quiet = (text) => element("span", { className: "quiet" }, text);
export const tag = (severity) => element("span", { className: `tag ${SEVERITY[severity]}` }, say(`severity.${severity}`));

/** Why receivers are not told of it, in words; empty if they are. */
export function heldBack(alert) {
  if (alert.at_rest) return say("reason.machine-off");
  return alert.withheld ? say(`withheld.${alert.withheld}`) : "";
}

const isUnseen = (alert) => TO_ACKNOWLEDGE.includes(alert.state);
const inOrder = (a, b) => isUnseen(b) - isUnseen(a) ||
  WORST_FIRST.indexOf(a.severity) - WORST_FIRST.indexOf(b.severity) || b.opened_at.localeCompare(a.opened_at);

/** Show the alerts, those that nobody has seen first; `open`, `openMachine` and `acknowledge` are told what was chosen. */
export function drawAlerts(alerts, chosen) {
  const focused = document.activeElement?.closest("#alerts [data-alert]");
  const place = focused && [...focused.querySelectorAll("button")].indexOf(document.activeElement);
  const items = alerts.sort(inOrder).map((alert) => alertItem(alert, chosen));
  find("alerts").replaceChildren(...(items.length ? items : [element("li", { className: "quiet" }, say("page.none"))]));
  if (focused) {
    const buttons = [...document.querySelectorAll(`#alerts [data-alert="${CSS.escape(focused.dataset.alert)}"] button`)];
    (buttons[place] ?? buttons[0] ?? find("alerts-title")).focus();
  }
}

export function focusAlert(id) {
  (document.querySelector(`#alerts [data-alert="${CSS.escape(id)}"] .grow button`) ?? find("alerts-title")).focus();
}

function alertItem(alert, { open, openMachine, acknowledge }) {
  const name = alert.machine_name || alert.machine;
  const machine = element("button", { type: "button", className: "plain", textContent: name, title: alert.machine });
  machine.addEventListener("click", () => openMachine(alert.machine));
  const text = element("button", { type: "button", className: "plain told", textContent: `${alert.cause}: ${alert.text}` });
  text.setAttribute("aria-haspopup", "dialog");
  const since = say(alert.cleared_at ? "page.since-over" : "page.since", { time: moment(Date.parse(alert.opened_at)) });
  const item = element("li", {}, tag(alert.severity), machine,
    element("span", { className: "grow" }, text, " ", quiet([since, heldBack(alert)].filter(Boolean).join(" · "))));
  item.dataset.alert = alert.id;
  item.addEventListener("click", (event) => {
    if (event.target === text || !event.target.closest("button")) open(alert.id);
  });
  if (isUnseen(alert)) {
    const button = element("button", { type: "button", textContent: say("page.acknowledge") });
    button.setAttribute("aria-label", say("page.acknowledge-of", { machine: name }));
    button.addEventListener("click", () => { button.disabled = true; acknowledge(alert); });
    item.append(button);
  } else {
    item.append(quiet(SEEN[alert.state](alert)));
  }
  return item;
}
