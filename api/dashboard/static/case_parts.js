// What a case says: facts, evidence, trend, checks, parts, cost of waiting, cases like it, history. Text only, never HTML.
import { heldBack, quiet, tag } from "./alerts.js";
import { knows, language, say } from "./catalogue.js";
import { draw } from "./charts.js";
import { element, find } from "./service.js";
import { causeText, duration, moment, percent } from "./words.js";

const at = (text) => moment(Date.parse(text));
const joined = (...texts) => texts.filter(Boolean).join(" · ");

export function drawCase(alert, known) {
  find("case-title").replaceChildren(tag(alert.severity), 
    ` ${joined(alert.machine_name, alert.machine, alert.component_name || alert.component)}`);
  find("case-text").textContent = `${alert.cause}: ${alert.text}`;
  drawFacts(alert, known);
  drawDeadlines(known);
  drawEvidence(alert, known);
  drawTrend(alert, known);
  list("case-checks", known.checks.map((check) => [check.text, check.faults.map((fault) => say(`fault.${fault}`)).join(", ")]));
  list("case-parts", known.parts.map((part) => [joined(part.component, say(`component.${part.kind}`), part.part ?? part.geometry), part.text]));
  drawCost(known.cost_of_waiting);
  list("case-similar", known.similar.map(similarCase));
  list("case-feedback", known.feedback.map((one) => [say(`feedback.${one.verdict}`), joined(one.finding, one.actor, at(one.recorded_at))]));
  list("case-history", alert.history.toSorted((a, b) => b.id - a.id).map(step));
}

function list(id, rows) {
  const items = rows.map(([text, more]) => element("li", {}, text, ...(more ? [" ", quiet(more)] : [])));
  find(id).replaceChildren(...(items.length ? items : [element("li", {}, quiet(say("page.none")))]));
}

/** Why receivers are not told of it, and who has said so. */
function heldWhy(alert) {
  const told = heldBack(alert);
  if (!told) return "";
  const by = alert.history.toSorted((a, b) => b.id - a.id).find((event) => event.withheld === alert.withheld && (event.reason || event.comment));
  const why = alert.inhibited_by ?? (alert.at_rest ? "" : by && joined(reasonText(by), by.comment, by.actor));
  return why ? `${told}: ${why}` : told;
}

const reasonText = (event) => (knows(`reason.${event.reason}`) ? say(`reason.${event.reason}`) : event.reason);

function drawFacts(alert, known) {
  const facts = [
    [say("page.alarm-state"), say(`state.${alert.state}`)],
    [say("page.withheld"), heldWhy(alert)],
    [say("page.urgency"), known.urgency_text],
    [say("page.act-by"), known.act_by && at(known.act_by)],
    [say("page.plan-by"), known.plan_by && at(known.plan_by)],
    [say("page.opened"), at(alert.opened_at)],
    [say("page.over-since"), alert.cleared_at && at(alert.cleared_at)],
    [say("page.seen-by"), alert.acknowledged_by && joined(alert.acknowledged_by, at(alert.acknowledged_at))],
    [say("page.assignee"), alert.assignee],
  ];
  find("case-facts").replaceChildren(...facts.filter(([, text]) => text).map(([name, text]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, text))));
}

function drawDeadlines(known) {
  find("case-deadlines").replaceChildren(...known.deadlines.map((one) => element("li", {}, `${at(one.at)} `, quiet(one.text))));
}

function drawEvidence(alert, known) {
  const suspects = known.suspects.map((one) => [
    joined(one.text, one.component), joined(one.verdict && say(`verdict.${one.verdict}`), one.confidence !== null && percent(one.confidence))]);
  const contributors = known.evidence.assessment?.contributors ?? [];
  list("case-evidence", [...suspects, ...contributors.map((one) => [causeText(one), ""])]);
}

function drawTrend(alert, known) {
  const marks = [{ x: Date.parse(alert.opened_at), text: say("page.opened"), kind: "failure" }];
  if (alert.cleared_at) marks.push({ x: Date.parse(alert.cleared_at), text: say("page.over-since"), kind: "" });
  draw(find("case-trend"), {
    x: known.trend.map((one) => Date.parse(one.at)), y: known.trend.map((one) => 100 * (one.health ?? NaN)), y0: 0, y1: 100, time: true,
    yTitle: say("page.health-axis"), label: say("page.health-over-time", { machine: alert.machine }), marks, empty: say("reason.no-data"),
  });
}

function drawCost(waiting) {
  find("case-cost-part").hidden = waiting === null;
  if (waiting === null) return;
  const money = new Intl.NumberFormat(language, { style: "currency", currency: waiting.currency, maximumFractionDigits: 0 });
  const said = (wait) => (wait.cost === null ? say("time.unknown") : money.format(wait.cost));
  list("case-cost", waiting.waits.map((wait) => [
    `${duration(wait.seconds)}: ${said(wait)}`, wait.chance === null ? "" : say("page.chance", { share: percent(wait.chance) })]));
  find("case-cost-text").textContent = waiting.text;
}

function similarCase(one) {
  const what = joined(one.machine, one.symptom ? say(`fault.${one.symptom}`) : one.cause, at(one.opened_at));
  const work = one.work_events.map((done) => joined(say(`work.${done.kind}`), done.finding));
  return [what, joined(say("page.alike", { share: percent(one.likeness) }), one.verdict_text ?? say("page.not-judged"), one.finding, ...work)];
}

function step(event) {
  const why = knows(`reason.${event.reason}`) ? "" : event.reason; // a reason that has words is in the text already
  return [`${at(event.recorded_at)} ${event.text}`, joined(why, event.comment, event.withheld && say(`withheld.${event.withheld}`), event.actor)];
}
