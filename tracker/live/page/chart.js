// The last hour by minute: stacked bars, a colour for each line and direction.

import { fill, h, setText, svg } from "./dom.js";
import { clock, number, say } from "./words.js";

const EDGE = { left: 34, right: 4, top: 10, bottom: 24 };
const SEEN_ENOUGH = 0.5;

/** Returns the sums of all classes by minute for each way: line and direction. */
export function waysOf(counts) {
  const ways = new Map();
  for (const item of counts) {
    const key = JSON.stringify([item.line, item.direction]);
    const way = ways.get(key) ?? { key, line: item.line, direction: item.direction, minutes: Array(60).fill(0), total: 0 };
    item.minutes.forEach((n, at) => (way.minutes[at] += n));
    way.total += item.total;
    ways.set(key, way);
  }
  return [...ways.values()];
}

/** Returns a round step that divides the axis into four parts or fewer. */
export function stepFor(most) {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 5]) if (step * power * 4 >= most) return step * power;
  }
}

export class Chart {
  constructor(colours) {
    this.colours = colours;
    this.drawing = svg("svg", { role: "img", tabindex: 0, height: 210 });
    this.readout = h("p", { class: "readout", "aria-live": "polite" });
    this.legend = h("ul", { class: "legend" });
    this.at = null;
    this.element = h("figure", { class: "chart" }, this.drawing, this.readout, this.legend);
    this.drawing.addEventListener("pointermove", (event) => this.point(event));
    this.drawing.addEventListener("pointerdown", (event) => this.point(event));
    this.drawing.addEventListener("pointerleave", () => this.select(null));
    this.drawing.addEventListener("blur", () => this.select(null));
    this.drawing.addEventListener("keydown", (event) => this.step(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  close() {
    this.observer.disconnect();
  }

  update(answer) {
    this.answer = answer;
    this.draw();
  }

  draw() {
    const width = Math.floor(this.element.clientWidth);
    if (!this.answer || width < 50) return;
    this.begin = new Date(this.answer.begin).getTime();
    this.ways = waysOf(this.answer.counts).filter((way) => way.minutes.some((n) => n > 0));
    this.sums = Array.from({ length: 60 }, (_, at) => this.ways.reduce((sum, way) => sum + way.minutes[at], 0));
    const most = Math.max(...this.sums);
    this.stepY = stepFor(Math.max(most, 4));
    this.top = Math.max(Math.ceil(most / this.stepY), 1) * this.stepY;
    this.width = width;
    this.height = width > 600 ? 270 : 210;
    this.slot = (width - EDGE.left - EDGE.right) / 60;
    this.drawing.setAttribute("width", width);
    this.drawing.setAttribute("height", this.height);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    const total = this.sums.reduce((sum, n) => sum + n, 0);
    this.drawing.setAttribute("aria-label", say("chart.alt", { n: total, most }));
    fill(this.drawing, hatch(), this.grid(), this.unseen(), this.bars(), this.hours(), this.marker());
    this.drawLegend(total);
    this.tell();
  }

  y(n) {
    return EDGE.top + (this.height - EDGE.top - EDGE.bottom) * (1 - n / this.top);
  }

  x(at) {
    return EDGE.left + at * this.slot;
  }

  grid() {
    const lines = [];
    for (let n = 0; n <= this.top; n += this.stepY) {
      const y = Math.round(this.y(n)) + 0.5;
      lines.push(svg("line", { x1: EDGE.left, x2: this.width - EDGE.right, y1: y, y2: y, class: n ? "rule" : "base" }));
      lines.push(svg("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, number(n)));
    }
    return lines;
  }

  unseen() {
    const height = this.y(0) - EDGE.top;
    const parts = [];
    const dark = this.answer.seen.map((share) => share < SEEN_ENOUGH);
    for (let at = 0; at < 60; at++) {
      if (!dark[at]) continue;
      let end = at;
      while (end < 60 && dark[end]) end++;
      parts.push(svg("rect", { x: this.x(at), y: EDGE.top, width: (end - at) * this.slot, height, fill: "url(#unseen)" }));
      at = end;
    }
    this.hasUnseen = parts.length > 0;
    return parts;
  }

  bars() {
    const gap = this.slot > 6 ? 2 : 1;
    const bars = [];
    for (let at = 0; at < 60; at++) {
      let below = 0;
      for (const way of this.ways) {
        const n = way.minutes[at];
        if (!n) continue;
        const [y, y0] = [this.y(below + n), this.y(below)];
        const running = at === 59 ? "running" : "";
        bars.push(svg("rect", {
          x: this.x(at) + gap / 2, y, width: Math.max(this.slot - gap, 1), height: Math.max(y0 - y - 0.5, 0.5),
          class: `way${this.colours.of(way.key)} ${running}`,
        }));
        below += n;
      }
    }
    return bars;
  }

  hours() {
    const every = this.width < 420 ? 15 : 10;
    const labels = [];
    for (let at = 0; at < 60; at++) {
      const moment = new Date(this.begin + at * 60000);
      if (moment.getMinutes() % every) continue;
      const x = Math.min(Math.max(this.x(at) + this.slot / 2, EDGE.left + 14), this.width - 18);
      const tick = this.x(at) + this.slot / 2;
      labels.push(svg("line", { x1: tick, x2: tick, y1: this.y(0), y2: this.y(0) + 4, class: "base" }));
      labels.push(svg("text", { x, y: this.height - 6, "text-anchor": "middle" }, clock(moment)));
    }
    return labels;
  }

  marker() {
    if (this.at === null) return null;
    return svg("rect", { x: this.x(this.at), y: EDGE.top, width: this.slot, height: this.y(0) - EDGE.top, class: "marker" });
  }

  drawLegend(total) {
    const items = this.ways.map((way) =>
      h("li", null, h("i", { class: `swatch way${this.colours.of(way.key)}`, "aria-hidden": "true" }), `${way.line} → ${way.direction}`));
    if (this.hasUnseen) items.push(h("li", null, h("i", { class: "swatch unseen", "aria-hidden": "true" }), say("chart.unseen")));
    if (!total) items.unshift(h("li", null, say("chart.none")));
    const text = items.map((item) => item.textContent).join("|");
    if (text !== this.legendText) fill(this.legend, items);
    this.legendText = text;
  }

  point(event) {
    const box = this.drawing.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) * (this.width / box.width) - EDGE.left) / this.slot);
    this.select(at >= 0 && at < 60 ? at : null);
  }

  step(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    this.select(Math.min(Math.max((this.at ?? 60) + move, 0), 59));
  }

  select(at) {
    if (at === this.at) return;
    this.at = at;
    this.draw();
  }

  tell() {
    let text = say("chart.lead");
    if (this.at !== null) {
      const parts = this.ways.filter((way) => way.minutes[this.at]);
      const seen = this.answer.seen[this.at] >= SEEN_ENOUGH;
      const what = [
        number(this.sums[this.at]),
        ...parts.map((way) => `${way.direction} ${number(way.minutes[this.at])}`),
        ...(seen ? [] : [say("chart.unseen")]),
      ];
      text = say("chart.at", { time: clock(this.begin + this.at * 60000), what: what.join(" · ") });
    }
    setText(this.readout, text);
  }
}

function hatch() {
  const line = svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" });
  const size = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return svg("defs", null, svg("pattern", { id: "unseen", ...size }, line));
}
