// What is wrong with one machine by its newest diagnosis: the likeliest faults, what they rest on, what to check next.
import { say } from "./catalogue.js";
import { call, element, find } from "./service.js";
import { moment, number, percent } from "./words.js";

const MOST = 3;
const LEAST = 0.05; // chance below which a fault that the recordings do not carry is not worth a line
const GRADE = { SUPPORTED: "bad", WEAK: "fair", REFUSED: "quiet" };

export async function drawDiagnosis(machine, diagnosedAt) {
  find("diagnosis").hidden = !diagnosedAt;
  if (!diagnosedAt) return;
  const told = await call(`/v1/machines/${machine}/diagnosis`);
  find("diagnosis-basis").textContent = [
    say(`verdict.${told.verdict}`), say("page.acquisitions-to", { count: told.acquisitions.length, time: moment(Date.parse(told.measured_at)) }),
    told.speed_hz === null ? say("page.speed-unknown") : say(`page.${told.speed_source}-speed`, { speed: Math.round(60 * told.speed_hz) }),
  ].join(" · ");
  const findings = told.findings.filter((one) => one.verdict === "SUPPORTED" || one.confidence >= LEAST);
  find("findings").replaceChildren(...(findings.length ? findings.slice(0, MOST).map(finding) : told.reasons.map((one) =>
    element("li", {}, one.text))));
}

function finding(one) {
  const lines = one.lines.filter((line) => line.found_hz !== null && line.level_db !== null).slice(0, MOST).map((line) =>
    say("page.line-found", { line: line.name, found: number(line.found_hz), expected: number(line.expected_hz), level: Math.round(line.level_db) }));
  const why = [...new Set(one.reasons.map((each) => each.text))];
  const rest = [lines.join("; "), why.join(" "), one.check_texts.length && say("page.check-list", { checks: one.check_texts.join("; ") })];
  return element("li", {},
    element("strong", { className: GRADE[one.verdict] }, [one.text, one.component].filter(Boolean).join(" · ")),
    say(`page.${one.verdict.toLowerCase()}`, { share: percent(Math.min(one.confidence, 0.99)) }), element("span", { className: "quiet" }, rest.filter(Boolean).join(" · ")));
}
