// The public HTTP API, with the key that the visitor gave.
import { language, say } from "./catalogue.js";

export const session = { key: localStorage.getItem("pdm.key") };

export class Refusal extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

/** Return the response, or throw why the service refused. */
export async function answer(path, options = {}) {
  const headers = { Authorization: `Bearer ${session.key}`, "Accept-Language": language, ...options.headers };
  const response = await fetch(path, { ...options, headers }).catch(() => {
    throw new Refusal(0, say("page.no-answer"));
  });
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Refusal(response.status, told.detail ?? response.statusText);
  }
  return response;
}

export const call = async (path, options) => (await answer(path, options)).json();

export async function readAll(path, most = 5000) {
  const items = [];
  let cursor = null;
  do {
    const page = await call(path + (cursor ? `${path.includes("?") ? "&" : "?"}cursor=${cursor}` : ""));
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

export const find = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}
