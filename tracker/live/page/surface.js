// The picture as a sheet to draw on, with mouse, finger or keyboard.

import { fill, svg } from "./dom.js";
import { MOST_POINTS, arrowOf, least } from "./drawing.js";
import { say } from "./words.js";

/** In CSS pixels. */
const [HANDLE, REACH, NEAR, ARROW] = [7, 22, 14, 34];

export class Surface {
  /** hooks: changed(), selected(at), finished(kind, points), hint(key). */
  constructor(drawing, hooks) {
    this.drawing = drawing;
    this.hooks = hooks;
    this.selected = null;
    this.tool = null;
    this.draft = [];
    this.hover = null;
    this.drag = null;
    this.element = svg("svg", { class: "surface", role: "group", preserveAspectRatio: "none", tabindex: -1 });
    for (const [name, act] of Object.entries({
      pointerdown: this.press, pointermove: this.move, pointerup: this.release, pointercancel: this.cancel, keydown: this.key,
    })) this.element.addEventListener(name, act.bind(this));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  close() {
    this.observer.disconnect();
    this.element.remove();
  }

  use(tool) {
    [this.tool, this.draft, this.hover] = [tool, [], null];
    if (tool) this.selected = null;
    this.element.classList.toggle("drawing", tool !== null);
    this.draw();
  }

  select(at) {
    this.selected = at;
    this.draw();
  }

  /** Ends the figure that is being drawn, if it has enough points. */
  finish() {
    if (!this.tool || this.draft.length < least(this.tool)) return false;
    const [kind, points] = [this.tool, this.draft];
    this.use(null);
    this.hooks.finished(kind, points);
    return true;
  }

  /** Pixels of the picture for one CSS pixel. */
  get scale() {
    return this.drawing.width / (this.element.getBoundingClientRect().width || this.drawing.width);
  }

  pointOf(event) {
    const box = this.element.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.drawing.width;
    const y = ((event.clientY - box.top) / box.height) * this.drawing.height;
    return this.drawing.inside([x, y]);
  }

  near(a, b) {
    return Math.hypot(a[0] - b[0], a[1] - b[1]) < NEAR * this.scale;
  }

  press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    const point = this.pointOf(event);
    if (this.tool) this.pressDraft(point);
    else this.pressFigure(event.target.closest("[data-figure]"), point);
    this.draw();
  }

  pressDraft(point) {
    const zone = this.tool === "zone";
    const goal = zone ? this.draft[0] : this.draft.at(-1);
    if (this.draft.length >= least(this.tool) && this.near(point, goal)) return this.finish();
    this.pressed = point;
    if (this.draft.length && this.near(point, this.draft.at(-1))) return false;
    if (this.draft.length < MOST_POINTS) this.draft.push(point);
    else this.hooks.hint("edit.many");
    return true;
  }

  pressFigure(target, point) {
    const at = target ? Number(target.dataset.figure) : null;
    if (at !== this.selected) this.hooks.selected(at);
    this.selected = at;
    if (target?.dataset.point !== undefined) {
      const place = Number(target.dataset.point);
      this.drag = { at, place, moved: false };
      this.focus = [at, place];
    } else if (target?.dataset.middle !== undefined) {
      const place = Number(target.dataset.middle) + 1;
      if (!this.drawing.insertPoint(at, place, point)) return this.hooks.hint("edit.many");
      this.drag = { at, place, moved: true };
      this.focus = [at, place];
      this.hooks.changed();
    }
  }

  move(event) {
    const point = this.pointOf(event);
    if (this.tool) {
      this.hover = point;
      this.draw();
    } else if (this.drag) {
      if (!this.drag.moved) this.drawing.remember();
      this.drag.moved = true;
      this.drawing.movePoint(this.drag.at, this.drag.place, point);
      this.draw();
    }
  }

  release(event) {
    if (this.drag?.moved) this.hooks.changed();
    this.drag = null;
    const point = this.pointOf(event);
    if (this.tool && this.pressed && !this.near(point, this.pressed) && this.draft.length < MOST_POINTS) {
      this.draft.push(point); // dragged from end to end
      if (this.tool === "line" && this.draft.length === 2) this.finish();
    }
    this.pressed = null;
    this.draw();
  }

  cancel() {
    this.drag = null;
    this.pressed = null;
  }

  key(event) {
    const target = event.target.closest("[data-point]");
    if (!target) return;
    const [at, place] = [Number(target.dataset.figure), Number(target.dataset.point)];
    const step = event.shiftKey ? 10 : 1;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    this.focus = [at, place];
    if (move) {
      const [x, y] = this.drawing.figures[at].points[place];
      this.drawing.remember(`keys ${at} ${place}`);
      this.drawing.movePoint(at, place, [x + move[0], y + move[1]]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (!this.drawing.removePoint(at, place)) return this.hooks.hint("edit.few");
      this.focus = [at, Math.max(place - 1, 0)];
    } else return;
    event.preventDefault();
    this.hooks.changed();
    this.draw();
  }

  draw() {
    const { width, height, figures } = this.drawing;
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.element.setAttribute("aria-label", say("edit.area"));
    const order = figures.map((_, at) => at).sort((a, b) => (a === this.selected) - (b === this.selected));
    fill(this.element, order.map((at) => this.figure(figures[at], at)), this.drawDraft());
    if (this.focus) {
      const [at, place] = this.focus;
      this.element.querySelector(`[data-figure="${at}"][data-point="${place}"]`)?.focus({ preventScroll: true });
      this.focus = null;
    }
  }

  figure(figure, at) {
    const chosen = at === this.selected;
    const shape = figure.kind === "line" ? "polyline" : "polygon";
    const points = figure.points.map((point) => point.join(",")).join(" ");
    const part = (name, size) =>
      svg(shape, { points, class: name, "stroke-width": size * this.scale, "data-figure": at });
    return svg("g", { class: `figure ${figure.kind} ${chosen ? "chosen" : ""}` },
      part("reach", REACH), part("halo", 6), part("stroke", 3),
      figure.kind === "line" ? this.arrow(figure) : null,
      this.label(figure),
      chosen && !this.tool ? [this.middles(figure, at), this.handles(figure, at)] : null);
  }

  arrow(figure) {
    const { at: [x, y], to: [dx, dy] } = arrowOf(figure.points);
    const s = this.scale;
    const tip = [x + dx * ARROW * s, y + dy * ARROW * s];
    const wing = (side) => `${tip[0] - (dx * 9 + side * dy * 6) * s},${tip[1] - (dy * 9 - side * dx * 6) * s}`;
    const line = (name, size) => svg("polyline", { points: `${x},${y} ${tip}`, class: name, "stroke-width": size * s });
    const head = svg("polygon", { points: `${tip} ${wing(1)} ${wing(-1)}`, class: "head", "stroke-width": 2 * s });
    const end = [x + dx * (ARROW + 14) * s, y + dy * (ARROW + 14) * s];
    return svg("g", { class: "arrow" }, line("halo", 6), line("stroke", 3), head, this.text(figure.directions[0], end, dx));
  }

  label(figure) {
    const [x, y] = figure.points[0];
    return this.text(figure.name, [x, y - 16 * this.scale], 0, "title");
  }

  /** Writes beside a place without leaving the picture. */
  text(words, [x, y], side, kind = "") {
    const s = this.scale;
    const text = words.length > 24 ? `${words.slice(0, 23)}…` : words;
    const half = (text.length * 7.5 * s) / 2;
    const centre = x + Math.sign(Math.round(side * 2)) * half;
    const at = Math.min(Math.max(centre, half + 4 * s), this.drawing.width - half - 4 * s);
    const low = Math.min(Math.max(y + 4 * s, 15 * s), this.drawing.height - 5 * s);
    return svg("text", { x: at, y: low, "font-size": 13 * s, "stroke-width": 4 * s, "text-anchor": "middle", class: kind }, text);
  }

  handles(figure, at) {
    return figure.points.map(([x, y], place) => svg("g", {
      "data-figure": at, "data-point": place, tabindex: 0, role: "button", class: "handle",
      "aria-label": say("edit.point", { name: figure.name, n: place + 1 }),
    },
    svg("circle", { cx: x, cy: y, r: REACH * this.scale, class: "reach" }),
    svg("circle", { cx: x, cy: y, r: HANDLE * this.scale, class: "dot", "stroke-width": 2.5 * this.scale })));
  }

  middles(figure, at) {
    const next = figure.kind === "zone" ? [...figure.points, figure.points[0]] : figure.points;
    return next.slice(1).map(([x2, y2], place) => {
      const [x1, y1] = next[place];
      if (Math.hypot(x2 - x1, y2 - y1) < 3 * REACH * this.scale) return null;
      // on a line's first part the middle is where its arrow begins
      const share = figure.kind === "line" && place === 0 ? 0.28 : 0.5;
      const [x, y] = [x1 + (x2 - x1) * share, y1 + (y2 - y1) * share];
      return svg("g", { "data-figure": at, "data-middle": place, class: "middle" },
        svg("circle", { cx: x, cy: y, r: 14 * this.scale, class: "reach" }),
        svg("circle", { cx: x, cy: y, r: 4.5 * this.scale, class: "dot", "stroke-width": 1.5 * this.scale }));
    });
  }

  drawDraft() {
    if (!this.tool || !this.draft.length) return null;
    const points = [...this.draft, ...(this.hover ? [this.hover] : [])];
    const line = (name, size) =>
      svg("polyline", { points: points.map((p) => p.join(",")).join(" "), class: name, "stroke-width": size * this.scale });
    const dots = this.draft.map(([x, y]) =>
      svg("circle", { cx: x, cy: y, r: HANDLE * this.scale, class: "dot", "stroke-width": 2.5 * this.scale }));
    const across = this.tool === "line" && points.length > 1 && !this.near(points[0], points[1]);
    const arrow = across ? this.arrow({ points, directions: [""] }) : null;
    return svg("g", { class: `figure chosen ${this.tool}` }, line("halo", 6), line("stroke", 3), arrow, dots);
  }
}
