// Counts, events, and bars of numbers by reason.

import { fill, h, setNumber, setText } from "./dom.js";
import { className, clock, number, percent, reason, say } from "./words.js";

/** Gives every line and direction a colour that stays, also when others come. */
export class Colours {
  constructor() {
    this.known = new Map();
  }

  of(key) {
    if (!this.known.has(key)) this.known.set(key, this.known.size % 8);
    return this.known.get(key);
  }
}

/** Table of crossings: a row for each line and direction, a column for each class. */
export class CountTable {
  constructor(colours) {
    this.colours = colours;
    this.table = h("table");
    this.empty = h("p", { class: "remark" });
    this.scroll = h("div", { class: "scroll", role: "region", tabindex: 0 }, this.table);
    this.element = h("div", null, this.scroll, this.empty);
    this.shape = "";
  }

  update(counts, classNames, lines) {
    const order = (name) => (classNames.indexOf(name) + 1 || classNames.length + 1);
    const labels = [...new Set(counts.map((item) => item.label))].sort((a, b) => order(a) - order(b));
    const ways = [...new Set(counts.map((item) => JSON.stringify([item.line, item.direction])))];
    this.scroll.hidden = ways.length === 0;
    this.empty.hidden = ways.length > 0;
    setText(this.empty, say(lines ? "counts.none" : "counts.no_lines"));
    this.scroll.setAttribute("aria-label", say("table.scroll", { name: say("counts.title") }));
    const shape = JSON.stringify([labels, ways]);
    if (shape !== this.shape) this.build(labels, ways);
    this.shape = shape;
    const numbers = new Map(counts.map((item) => [JSON.stringify([item.line, item.direction, item.label]), item.total]));
    this.fillIn(labels, ways, numbers);
  }

  build(labels, ways) {
    this.cells = [];
    const row = (head) => {
      const cells = ["", ...labels].map((label) => h("td", { class: label ? "n" : "n total" }));
      this.cells.push(cells);
      return h("tr", null, head, cells);
    };
    const head = (way) => {
      const [line, direction] = JSON.parse(way);
      const colour = h("i", { class: `swatch way${this.colours.of(way)}`, "aria-hidden": "true" });
      return h("th", { scope: "row" }, colour, h("b", null, direction), h("small", null, line));
    };
    // the total stands first: the end of a wide table is out of sight on a phone
    const titles = [say("counts.total"), ...labels.map((label) => className(label))];
    fill(
      this.table,
      h("caption", { class: "hidden" }, say("counts.lead")),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, say("counts.direction")),
        titles.map((title) => h("th", { scope: "col", class: "n" }, title)))),
      h("tbody", null, ways.map((way) => row(head(way)))),
      h("tfoot", null, row(h("th", { scope: "row" }, say("counts.total")))),
    );
  }

  fillIn(labels, ways, numbers) {
    const sums = labels.map(() => 0);
    ways.forEach((way, at) => {
      const [line, direction] = JSON.parse(way);
      const row = labels.map((label) => numbers.get(JSON.stringify([line, direction, label])) ?? 0);
      row.forEach((n, column) => (sums[column] += n));
      this.show(this.cells[at], row);
    });
    this.show(this.cells[ways.length], sums);
  }

  show(cells, row) {
    [row.reduce((sum, n) => sum + n, 0), ...row].forEach((n, at) => setNumber(cells[at], number(n)));
  }
}

/** The newest events, the newest first. */
export class EventList {
  constructor() {
    this.list = h("ol", { class: "events" });
    this.empty = h("p", { class: "remark" });
    this.element = h("div", null, this.list, this.empty);
    this.last = 0;
  }

  update(events) {
    setText(this.empty, say("events.none"));
    this.empty.hidden = events.length > 0;
    for (const event of events) {
      if (event.id <= this.last) continue;
      this.list.prepend(this.row(event));
      this.last = event.id;
    }
    while (this.list.children.length > 30) this.list.lastChild.remove();
  }

  row(event) {
    const key = event.kind === "zone" ? `events.zone.${event.direction}` : `events.${event.kind}`;
    const what = say(key, { name: event.name, direction: event.direction });
    const speed = event.speed_kmh == null ? "" : say("events.speed", { n: Math.round(event.speed_kmh) });
    return h("li", null,
      h("time", { datetime: event.time }, clock(event.time, true)),
      h("span", { class: "who" }, className(event.label, true)),
      h("span", { class: "what" }, what),
      h("span", { class: "speed" }, speed));
  }
}

/** Bars of numbers by reason, the largest first. */
export class ReasonBars {
  constructor(kind) {
    this.kind = kind;
    this.element = h("ul", { class: "bars" });
    this.rows = new Map();
  }

  update(numbers) {
    const entries = Object.entries(numbers).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    const sum = entries.reduce((all, [, n]) => all + n, 0);
    const most = entries[0]?.[1] ?? 1;
    for (const [name] of entries) if (!this.rows.has(name)) this.rows.set(name, this.row(name));
    const wanted = entries.map(([name]) => this.rows.get(name));
    if (wanted.some((row, at) => row.element !== this.element.children[at])) {
      fill(this.element, wanted.map((row) => row.element));
    }
    for (const [name, n] of entries) {
      const row = this.rows.get(name);
      row.bar.style.inlineSize = `${(100 * n) / most}%`;
      setText(row.number, number(n));
      setText(row.share, percent(n / sum));
    }
  }

  row(name) {
    const [bar, n, share] = [h("span"), h("b"), h("small")];
    const element = h("li", null, h("span", { class: "label" }, reason(this.kind, name)), n, share,
      h("span", { class: "bar", "aria-hidden": "true" }, bar));
    return { element, bar, number: n, share };
  }
}
