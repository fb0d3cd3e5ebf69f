// Draws lines and zones: the sheet over the picture, and a list of names beside it.

import { fill, h, setText } from "./dom.js";
import { Drawing, least } from "./drawing.js";
import { Surface } from "./surface.js";
import { has, say } from "./words.js";

export class Editor {
  /** ask: sends requests. done: is called with whether something was saved. */
  constructor(name, ask, done) {
    [this.ask, this.done] = [ask, done];
    this.address = `/api/cameras/${encodeURIComponent(name)}/scene`;
    this.drawing = new Drawing(1, 1);
    this.surface = new Surface(this.drawing, {
      changed: () => this.refresh(),
      selected: (at) => this.mark(at),
      finished: (kind, points) => this.finished(kind, points),
      hint: (key) => setText(this.hint, say(key)),
    });
    this.loaded = false;
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.element = this.build();
    this.refresh();
    this.load();
  }

  build() {
    const button = (key, act, kind = "") => h("button", { type: "button", class: kind, onclick: act }, say(key));
    this.lineButton = button("edit.line", (event) => this.use("line", event));
    this.zoneButton = button("edit.zone", (event) => this.use("zone", event));
    this.finishButton = button("edit.finish", () => this.surface.finish());
    this.undoButton = button("edit.undo", () => this.undo());
    this.saveButton = button("edit.save", () => this.save(), "primary");
    this.cancelButton = button("edit.cancel", () => this.cancel());
    this.hint = h("p", { class: "hint", role: "status" }, say("edit.lead"));
    this.problem = h("p", { class: "problem", role: "alert" });
    this.list = h("ol", { class: "figures" });
    this.empty = h("p", { class: "remark" }, say("edit.none"));
    return h("section", { class: "editor", "aria-labelledby": "editor-title" },
      h("h3", { id: "editor-title", tabindex: -1 }, say("edit.title")),
      this.hint,
      h("div", { class: "buttons" }, this.lineButton, this.zoneButton, this.finishButton, this.undoButton),
      this.problem, this.list, this.empty,
      h("div", { class: "buttons last" }, this.saveButton, this.cancelButton));
  }

  close() {
    document.removeEventListener("keydown", this.keys);
    this.surface.close();
    this.element.remove();
  }

  async load() {
    const { ok, answer } = await this.ask(this.address);
    if (!ok) {
      setText(this.problem, say("edit.load_failed", { why: answer.detail }));
      return;
    }
    this.loaded = true;
    [this.drawing.width, this.drawing.height] = [answer.width, answer.height];
    this.version = answer.version;
    this.drawing.load(answer);
    this.canSave = answer.has_file;
    if (!answer.has_file) setText(this.problem, say("edit.no_file"));
    this.rebuild();
    this.element.querySelector("h3").focus({ preventScroll: true });
  }

  use(tool, event) {
    if (this.surface.tool === tool) return this.stop();
    if (event.detail === 0) return this.place(tool); // by keyboard: a figure that the arrow keys can move
    this.surface.use(tool);
    setText(this.hint, say(`edit.hint_${tool}`));
    this.refresh();
  }

  stop() {
    this.surface.use(null);
    setText(this.hint, say("edit.lead"));
    this.refresh();
  }

  place(kind) {
    const [w, h0] = [this.drawing.width, this.drawing.height];
    const line = [[0.3, 0.5], [0.7, 0.5]];
    const zone = [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]];
    this.finished(kind, (kind === "line" ? line : zone).map(([x, y]) => this.drawing.inside([x * w, y * h0])));
    this.surface.focus = [this.surface.selected, 0];
    this.surface.draw();
  }

  finished(kind, points) {
    const name = this.drawing.freeName(kind, (n) => say(`edit.${kind}_name`, { n }));
    const directions = [say("edit.way_first"), say("edit.way_second")];
    this.surface.selected = this.drawing.add(kind, points, { name, directions });
    setText(this.hint, say("edit.lead"));
    this.rebuild();
    if (matchMedia("(hover: hover)").matches) this.rows.at(-1).name.select();
  }

  undo() {
    this.drawing.undo();
    this.surface.selected = null;
    this.rebuild();
  }

  key(event) {
    if (event.key === "Escape" && this.surface.tool) this.stop();
    else if (event.key === "Enter" && this.surface.tool && event.target.tagName !== "BUTTON") this.surface.finish();
    else if (event.key === "z" && (event.ctrlKey || event.metaKey) && event.target.tagName !== "INPUT") this.undo();
    else return;
    event.preventDefault();
  }

  /** Shows the list anew: figures came or went. */
  rebuild() {
    this.rows = this.drawing.figures.map((figure, at) => this.row(figure, at));
    fill(this.list, this.rows.map((row) => row.element));
    this.mark(this.surface.selected);
    this.refresh();
    this.surface.draw();
  }

  refresh() {
    this.empty.hidden = !this.loaded || this.drawing.figures.length > 0;
    this.undoButton.disabled = !this.drawing.changed;
    // what is drawn before the scene has come would be lost when it comes
    this.lineButton.disabled = this.zoneButton.disabled = !this.loaded;
    this.saveButton.disabled = !this.canSave;
    this.finishButton.hidden = !this.surface.tool;
    this.lineButton.setAttribute("aria-pressed", String(this.surface.tool === "line"));
    this.zoneButton.setAttribute("aria-pressed", String(this.surface.tool === "zone"));
  }

  row(figure, at) {
    const field = (key, value, set) => {
      const input = h("input", {
        type: "text", maxlength: 80, value, autocomplete: "off",
        onfocus: () => this.choose(at),
        onblur: () => this.drawing.settle(),
        oninput: () => {
          this.drawing.remember(`text ${at} ${key}`);
          set(input.value);
          this.clear(at);
          this.refresh();
          this.surface.draw();
        },
      });
      return { input, label: h("label", null, h("span", null, say(key)), input) };
    };
    const name = field("edit.name", figure.name, (text) => (figure.name = text));
    const remove = h("button", {
      type: "button", class: "icon", "aria-label": say("edit.delete", { name: figure.name }), title: say("edit.delete", { name: figure.name }),
      onclick: () => this.remove(at),
    }, "×");
    const error = h("p", { class: "error", role: "alert" });
    const kind = h("span", { class: `kind ${figure.kind}` }, say(`edit.kind_${figure.kind}`));
    const parts = [h("div", { class: "first" }, name.label, remove)];
    const fields = { name: name.input };
    if (figure.kind === "line") parts.push(this.directions(figure, at, field, fields));
    const element = h("li", { onpointerdown: () => this.choose(at) }, kind, parts, error);
    return { element, error, fields, name: name.input };
  }

  directions(figure, at, field, fields) {
    const ways = ["edit.first", "edit.second"].map((key, place) =>
      field(key, figure.directions[place], (text) => (figure.directions[place] = text)));
    fields.directions = ways[0].input;
    const swap = h("button", {
      type: "button", class: "icon", "aria-label": say("edit.swap", { name: figure.name }), title: say("edit.swap", { name: figure.name }),
      onclick: () => {
        this.drawing.swap(at);
        this.rebuild();
      },
    }, "⇄");
    return h("div", { class: "ways" }, ways[0].label, swap, ways[1].label);
  }

  choose(at) {
    if (this.surface.selected === at || this.surface.tool) return;
    this.surface.select(at);
    this.mark(at);
  }

  mark(at) {
    this.rows?.forEach((row, place) => row.element.classList.toggle("chosen", place === at));
    this.rows?.[at]?.element.scrollIntoView({ block: "nearest" });
  }

  remove(at) {
    this.drawing.remove(at);
    this.surface.selected = null;
    this.rebuild();
    this.lineButton.focus();
  }

  clear(at) {
    setText(this.rows[at].error, "");
    for (const input of Object.values(this.rows[at].fields)) input.removeAttribute("aria-invalid");
  }

  async save() {
    if (this.surface.tool && this.surface.draft.length >= least(this.surface.tool)) this.surface.finish();
    this.rows.forEach((_, at) => this.clear(at));
    setText(this.problem, "");
    this.saveButton.disabled = true;
    setText(this.saveButton, say("edit.saving"));
    const { ok, answer } = await this.ask(this.address, "PUT", this.drawing.content(this.version));
    setText(this.saveButton, say("edit.save"));
    this.saveButton.disabled = false;
    if (ok) this.done(true);
    else this.complain(answer);
  }

  /** Says at its place why the server did not save. */
  complain(answer) {
    const why = has(`edit.error.${answer.code}`) ? say(`edit.error.${answer.code}`) : answer.detail;
    const ofKind = this.drawing.figures.map((figure, at) => [figure, at]).filter(([figure]) => figure.kind === answer.kind);
    const at = ofKind[answer.place]?.[1];
    if (at === undefined) return setText(this.problem, say("edit.failed", { why }));
    const row = this.rows[at];
    setText(row.error, why);
    this.surface.select(at);
    this.mark(at);
    const input = row.fields[answer.field];
    input?.setAttribute("aria-invalid", "true");
    (input ?? row.name).focus();
  }

  cancel() {
    if (!this.drawing.changed || confirm(say("edit.discard"))) this.done(false);
  }
}
