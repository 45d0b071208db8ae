// What is wrong with one machine by its newest diagnosis: the likeliest faults, what they rest on, what to check next.
import { call, element, find } from "./service.js";
import { moment, number, percent } from "./words.js";

const MOST = 3;
const LEAST = 0.05; // chance below which a fault that the recordings do not carry is not worth a line
const GRADE = { SUPPORTED: "bad", WEAK: "fair", REFUSED: "quiet" };
const SUMMARY = {
  SUPPORTED: "the recordings carry a fault", WEAK: "no clear evidence of a fault", REFUSED: "the recordings cannot tell",
};

export async function drawDiagnosis(machine, diagnosedAt) {
  find("diagnosis").hidden = !diagnosedAt;
  if (!diagnosedAt) return;
  const told = await call(`/v1/machines/${machine}/diagnosis`);
  find("diagnosis-basis").textContent = [
    SUMMARY[told.verdict], `${told.acquisitions.length} acquisitions up to ${moment(Date.parse(told.measured_at))} UTC`,
    told.speed_hz === null ? "speed unknown" : `${Math.round(60 * told.speed_hz)} rpm, ${told.speed_source}`,
  ].join(" · ");
  const findings = told.findings.filter((one) => one.verdict === "SUPPORTED" || one.confidence >= LEAST);
  find("findings").replaceChildren(...(findings.length ? findings.slice(0, MOST).map(finding) : told.reasons.map((one) =>
    element("li", {}, one.text))));
}

function finding(one) {
  const lines = one.lines.filter((line) => line.found_hz !== null && line.level_db !== null).slice(0, MOST).map((line) =>
    `${line.name} at ${number(line.found_hz)} Hz (expected ${number(line.expected_hz)}), ${Math.round(line.level_db)} dB`);
  const why = [...new Set(one.reasons.map((each) => each.text))];
  const rest = [lines.join("; "), why.join(" "), one.check_texts.length && `Check: ${one.check_texts.join("; ")}.`];
  return element("li", {},
    element("strong", { className: GRADE[one.verdict] }, [one.text, one.component].filter(Boolean).join(" · ")),
    `${one.verdict.toLowerCase()}, ${percent(Math.min(one.confidence, 0.99))}`, element("span", { className: "quiet" }, rest.filter(Boolean).join(" · ")));
}
