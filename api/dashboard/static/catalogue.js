// What the page says: the service's own messages in the visitor's language, Korean or English.
const LANGUAGES = ["en", "ko"];
const chosen = localStorage.getItem("pdm.language");
export const language = LANGUAGES.includes(chosen) ? chosen : navigator.language.startsWith("ko") ? "ko" : "en";

const answer = await fetch(`/v1/messages/${language}`).catch(() => null);
const messages = answer?.ok ? (await answer.json()).messages : {};

export const knows = (key) => key in messages;

/** A message in words; its placeholders take parameters that are words or numbers already. */
export function say(key, parameters = {}) {
  const plain = key.slice(key.indexOf(".") + 1).replaceAll("_", " ").replaceAll("-", " ");
  return (messages[key] ?? plain).replaceAll(/\{(\w+)(?::[^}]*)?\}/g, (_, name) => parameters[name] ?? "");
}

/** Say what stands on the page from the beginning. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-words]")) node.firstChild.textContent = say(node.dataset.words);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
}

export function switchLanguage() {
  localStorage.setItem("pdm.language", language === "ko" ? "en" : "ko");
  location.reload();
}
