// The page: hears the server once a second and shows all cameras, or the one that was chosen.

import { CameraPage } from "./camera.js";
import { fill, h, setText } from "./dom.js";
import { GridPage } from "./grid.js";
import { stateText } from "./state.js";
import { LANGUAGES, clock, count, currentLanguage, loadWords, number, say, setLanguage, wantedLanguage } from "./words.js";

const RETRY_MS = [500, 1000, 2000, 3000];
/** Messages come once a second: after such a silence the connection is dead, whatever the browser says. */
const SILENCE_MS = 5000;
/** How often the counts are told to people who cannot see them. */
const TELL_MS = 60000;

const [main, offline, told] = ["main", "offline", "told"].map((id) => document.getElementById(id));
let [board, page, shown] = [null, null, null];
let [socket, failures, heard, lostAt] = [null, 0, 0, null];
let states = new Map();
let [toldAt, toldTotal] = [Date.now(), null];

function tell(text) {
  told.textContent = "";
  requestAnimationFrame(() => (told.textContent = text));
}

function chosen() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (board.cameras.length === 1) return board.cameras[0].name;
  return board.cameras.some((camera) => camera.name === name) ? name : null;
}

function show() {
  if (!board) return;
  const wanted = JSON.stringify([chosen(), board.cameras.length === 1, currentLanguage()]);
  if (wanted !== shown) {
    page?.close();
    const name = chosen();
    page = name === null ? new GridPage() : new CameraPage(name, board.cameras.length === 1);
    fill(main, page.element);
    if (shown !== null) window.scrollTo(0, 0);
    shown = wanted;
    document.title = name === null ? say("title") : `${name} – ${say("title")}`;
  }
  page.update(board);
  setText(document.getElementById("sum"), board.cameras.length > 1 ? count("cameras", board.cameras.length) : "");
}

function tellChanges() {
  for (const camera of board.cameras) {
    const before = states.get(camera.name);
    if (before !== undefined && before !== camera.state) {
      tell(say("state.changed", { name: camera.name, state: stateText(camera) }));
    }
  }
  states = new Map(board.cameras.map((camera) => [camera.name, camera.state]));
  const name = chosen();
  const counts = board.counts.find((item) => item.camera === name)?.counts ?? [];
  const total = counts.reduce((sum, item) => sum + item.total, 0);
  if (name !== null && Date.now() - toldAt > TELL_MS && total !== toldTotal) {
    tell(say("counts.told", { name, n: number(total) }));
    [toldAt, toldTotal] = [Date.now(), total];
  }
}

function hear(message) {
  heard = Date.now();
  failures = 0;
  board = JSON.parse(message.data);
  if (lostAt !== null) tell(say("online"));
  lostAt = null;
  setText(offline, "");
  document.body.classList.remove("cut-off");
  show();
  tellChanges();
}

function lose() {
  lostAt ??= Date.now();
  document.body.classList.add("cut-off");
  setText(offline, board ? say("offline", { time: clock(lostAt, true) }) : say("connecting"));
}

function connect() {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const own = new WebSocket(address);
  socket = own;
  heard = Date.now();
  own.onmessage = (message) => socket === own && hear(message);
  own.onclose = () => {
    if (socket === own) again();
  };
}

function again() {
  socket = null;
  lose();
  setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
}

function watchSilence() {
  if (!socket || Date.now() - heard < SILENCE_MS) return;
  const dead = socket;
  again();
  dead.close();
}

function chooseLanguage(code) {
  setLanguage(code);
  setText(document.getElementById("title"), say("title"));
  setText(document.getElementById("skip"), say("skip"));
  const group = document.getElementById("languages");
  group.setAttribute("aria-label", say("language"));
  fill(group, Object.entries(LANGUAGES).map(([name, title]) =>
    h("button", { type: "button", lang: name, "aria-pressed": String(name === code), onclick: () => switchTo(name) }, title)));
  show();
}

function switchTo(code) {
  const address = new URL(location.href);
  address.searchParams.set("lang", code);
  history.replaceState(null, "", address);
  chooseLanguage(code);
  document.querySelector(`#languages [lang="${code}"]`).focus();
}

async function begin() {
  try {
    await loadWords();
  } catch {
    setTimeout(begin, 2000);
    return;
  }
  chooseLanguage(wantedLanguage());
  setText(offline, say("connecting"));
  window.addEventListener("hashchange", show);
  connect();
  setInterval(watchSilence, 1000);
}

begin();
