// Texts, numbers and times in the language of the page.

let all = {};
let language = "en";

export const LANGUAGES = { en: "English", "pt-BR": "Português" };

/** Loads the texts of all languages from the server. */
export async function loadWords() {
  const answer = await fetch("/words.json");
  if (!answer.ok) throw new Error(answer.statusText);
  all = await answer.json();
}

/** Returns the language that the address asks for, or else the browser. */
export function wantedLanguage() {
  const asked = new URLSearchParams(location.search).get("lang") ?? "";
  for (const wish of [asked, ...(navigator.languages ?? [navigator.language])]) {
    if (wish.toLowerCase().startsWith("pt")) return "pt-BR";
    if (wish.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export function setLanguage(code) {
  language = code;
  document.documentElement.lang = code;
}

export function currentLanguage() {
  return language;
}

/** Returns a text with its values put in; numbers are written as the language writes them. */
export function say(key, values = {}) {
  const text = all[language]?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : value ?? whole;
  });
}

/** Returns a text about n things, in the singular where that is one. */
export function count(key, n, values = {}) {
  const one = n === 1 && `${key}_one` in all[language];
  return say(one ? `${key}_one` : key, { n, ...values });
}

export function has(key) {
  return key in (all[language] ?? {});
}

export function number(value, digits = 0) {
  if (value == null || Number.isNaN(value)) return "–";
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share, digits = 0) {
  return share == null ? "–" : `${number(100 * share, digits)}%`;
}

export function milliseconds(value) {
  if (value == null) return "–";
  return value < 1000 ? say("unit.ms", { n: number(value) }) : say("unit.s", { n: number(value / 1000, 1) });
}

export function memory(megabytes) {
  if (!megabytes) return "–";
  const large = megabytes >= 1000;
  return say(large ? "unit.gb" : "unit.mb", { n: number(large ? megabytes / 1000 : megabytes, large ? 1 : 0) });
}

/** Returns the time of day, with the date before it where that is not today. */
export function clock(iso, seconds = false) {
  const moment = new Date(iso);
  const today = moment.toDateString() === new Date().toDateString();
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (seconds) options.second = "2-digit";
  if (!today) Object.assign(options, { day: "numeric", month: "short" });
  return moment.toLocaleString(language, options);
}

const SAME = { motorcycle: "motorbike", pedestrian: "person", people: "person", bike: "bicycle", lorry: "truck" };

/** Returns what a class of the detector is called; a name that is not known stays as it is. */
export function className(name, one = false) {
  const key = SAME[name.toLowerCase()] ?? name.toLowerCase();
  return all[language]?.[one ? "class" : "classes"]?.[key] ?? name;
}

/** Returns in words why the CNN ran ("reasons"), or why a picture was dropped ("drops"). */
export function reason(kind, name) {
  return all[language]?.[kind]?.[name] ?? name;
}
