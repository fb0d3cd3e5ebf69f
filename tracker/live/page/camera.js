// One camera that fills the page.

import { Chart } from "./chart.js";
import { fill, h, setNumber, setText } from "./dom.js";
import { Editor } from "./editor.js";
import { LivePicture } from "./picture.js";
import { Badge, PictureFrame } from "./state.js";
import { Colours, CountTable, EventList, ReasonBars } from "./tables.js";
import { clock, count, memory, milliseconds, number, percent, say } from "./words.js";

class Card {
  constructor() {
    [this.number, this.label, this.note] = [h("strong"), h("span", { class: "label" }), h("span", { class: "note" })];
    this.element = h("li", null, this.number, this.label, this.note);
  }

  /** grows: it lights up when it changes. */
  update(value, label, note, grows = false) {
    (grows ? setNumber : setText)(this.number, value);
    setText(this.label, label);
    setText(this.note, note);
  }
}

function section(id, title, ...children) {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h3", { id: `${id}-title` }, title), children);
}

export class CameraPage {
  /** isAlone: there is no other camera to go back to. */
  constructor(name, isAlone) {
    this.name = name;
    this.picture = new LivePicture(name, () => this.camera && this.frame.update(this.camera));
    this.frame = new PictureFrame(this.picture);
    this.badge = new Badge();
    this.colours = new Colours();
    this.chart = new Chart(this.colours);
    this.counts = new CountTable(this.colours);
    this.events = new EventList();
    this.runs = new ReasonBars("reasons");
    this.drops = new ReasonBars("drops");
    this.cards = Array.from({ length: 6 }, () => new Card());
    this.dropLead = h("p", { class: "remark" });
    this.runLead = h("p", { class: "remark" });
    this.facts = h("dl", { class: "facts" });
    this.warnings = h("div", { class: "warnings" });
    this.why = h("p", { class: "why" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.element = this.build(isAlone);
  }

  build(isAlone) {
    this.recordButton = h("button", { type: "button", class: "record", onclick: () => this.record() });
    this.pauseButton = h("button", { type: "button", onclick: () => this.pause() });
    this.editButton = h("button", { type: "button", onclick: () => this.edit() }, say("edit.open"));
    this.side = h("div", { class: "side" },
      h("ul", { class: "cards" }, this.cards.map((card) => card.element)),
      section("counts", say("counts.title"), this.counts.element),
      section("events", say("events.title"), this.events.element));
    this.buttons = h("div", { class: "buttons" }, this.recordButton, this.pauseButton, this.editButton);
    const back = isAlone ? null : h("a", { class: "back", href: "#" }, `← ${say("all")}`);
    return h("article", { class: "camera" }, back,
      h("div", { class: "heading" }, h("h2", null, this.name), this.badge.element, this.why),
      h("div", { class: "columns" },
        h("div", { class: "stage" }, this.frame.element, this.buttons, this.problem,
          section("hour", say("chart.title"), this.chart.element)),
        this.side),
      h("section", { class: "run", "aria-labelledby": "run-title" }, h("h3", { id: "run-title" }, say("run.title")),
        h("div", { class: "parts" },
          h("div", null, h("h4", null, say("run.cnn")), this.runLead, this.runs.element),
          h("div", null, h("h4", null, say("run.dropped")), this.dropLead, this.drops.element),
          h("div", null, h("h4", null, say("run.facts")), this.facts, this.warnings))));
  }

  close() {
    this.picture.close();
    this.chart.close();
    this.editor?.close();
  }

  update(board) {
    const camera = board.cameras.find((item) => item.name === this.name);
    const counts = board.counts.find((item) => item.camera === this.name);
    this.camera = camera;
    this.frame.update(camera);
    this.badge.update(camera);
    const well = ["open", "starting"].includes(camera.state);
    setText(this.why, !well && camera.why ? say("state.why", { why: camera.why }) : "");
    this.updateButtons(camera);
    this.updateCards(camera, counts);
    this.chart.update(counts);
    this.counts.update(counts.counts, camera.class_names, camera.lines);
    this.events.update(board.events.filter((event) => event.camera === this.name));
    this.updateRun(camera);
  }

  updateButtons(camera) {
    setText(this.recordButton, say(camera.recording ? "record.stop" : "record.start"));
    this.recordButton.classList.toggle("on", camera.recording);
    this.recordButton.disabled = camera.state === "gone";
    setText(this.pauseButton, say(this.picture.paused ? "picture.resume" : "picture.pause"));
    this.editButton.disabled = camera.width === 0;
  }

  updateCards(camera, counts) {
    const sum = (numbers) => numbers.reduce((all, n) => all + n, 0);
    const total = sum(counts.counts.map((item) => item.total));
    const hour = sum(counts.counts.map((item) => sum(item.minutes)));
    const lately = sum(counts.counts.map((item) => sum(item.minutes.slice(-5))));
    const [counted, last, present, latency, rate, cnn] = this.cards;
    const open = camera.state === "open";
    counted.update(number(total), count("head.counted", total), say("head.counted_note"), true);
    last.update(number(hour), say("head.hour"), say("head.hour_note", { n: lately }), true);
    present.update(open ? number(camera.present) : "–", count("head.present", camera.present), "");
    const tail = say("head.latency_note", { n: milliseconds(camera.latency_ms.p99) });
    latency.update(open ? milliseconds(camera.latency_ms.median) : "–", say("head.latency"), open ? tail : "");
    rate.update(open ? number(camera.fps, camera.fps < 10 ? 1 : 0) : "–", say("head.fps"), "");
    const most = camera.budget < 1 ? say("head.cnn_note", { share: percent(camera.budget) }) : "";
    cnn.update(open ? percent(camera.cnn_share) : "–", say("head.cnn"), open ? most : "");
  }

  updateRun(camera) {
    this.runs.update(camera.cnn_runs);
    this.drops.update(camera.dropped);
    const dropped = Object.values(camera.dropped).reduce((all, n) => all + n, 0);
    const share = percent(camera.received ? dropped / camera.received : 0, 1);
    setText(this.dropLead, dropped
      ? say("run.dropped_lead", { n: dropped, of: camera.received, share }) : say("run.dropped_none"));
    setText(this.runLead, Object.keys(camera.cnn_runs).length ? "" : say("run.cnn_none"));
    const losses = camera.losses ? count("run.losses_value", camera.losses) : say("run.losses_none");
    const facts = [
      ["run.source", camera.source],
      ["run.size", camera.width ? `${camera.width} × ${camera.height}` : ""],
      ["run.started", camera.started ? clock(camera.started) : ""],
      ["run.losses", losses],
      ["run.frames", number(camera.frames)],
      ["run.memory", memory(camera.memory_mb)],
      ["run.viewers", number(camera.viewers)],
    ].filter(([, value]) => value);
    fill(this.facts, facts.map(([key, value]) => h("div", null, h("dt", null, say(key)), h("dd", null, value))));
    const warnings = camera.warnings.slice(-5).reverse();
    if (warnings.join("\n") !== this.warned) {
      const title = warnings.length ? h("h4", null, say("run.warnings")) : null;
      fill(this.warnings, title, h("ul", null, warnings.map((text) => h("li", null, text))));
    }
    this.warned = warnings.join("\n");
  }

  pause() {
    this.picture.setPaused(!this.picture.paused);
    this.updateButtons(this.camera);
    this.frame.update(this.camera);
  }

  async record() {
    this.recordButton.disabled = true;
    const why = await ask(`/api/cameras/${encodeURIComponent(this.name)}/recording`, "POST", {
      on: !this.camera.recording,
    });
    setText(this.problem, why.ok ? "" : say("record.failed", { why: why.answer.detail }));
    this.recordButton.disabled = false;
  }

  edit() {
    this.element.classList.add("editing");
    setText(this.problem, "");
    this.editor = new Editor(this.name, ask, (saved) => {
      this.element.classList.remove("editing");
      this.editor.close();
      this.editor = null;
      if (saved) {
        setText(this.problem, say("edit.saved"));
        setTimeout(() => setText(this.problem, ""), 8000);
      }
      this.editButton.focus();
    });
    this.frame.element.append(this.editor.surface.element);
    this.side.before(this.editor.element);
  }
}

/** Sends a request; returns whether it was granted, and the answer, in which "detail" says why not. */
async function ask(address, method = "GET", body = undefined) {
  try {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(address, { method, headers, body: JSON.stringify(body) });
    return { ok: response.ok, answer: await response.json() };
  } catch {
    return { ok: false, answer: { detail: say("edit.unreachable") } };
  }
}
