// Lines and zones that are being edited, and the way back. Points are in pixels of the picture.

export const MOST_POINTS = 64;
const MOST_STEPS = 200;

/** Returns how many points a figure needs. */
export function least(kind) {
  return kind === "line" ? 2 : 3;
}

export class Drawing {
  constructor(width, height) {
    [this.width, this.height] = [width, height];
    this.figures = [];
    this.steps = [];
    this.merged = null;
  }

  /** Takes what the server sent. */
  load(scene) {
    const taken = (kind) => (figure) => ({ kind, was: figure.name, ...structuredClone(figure) });
    this.figures = [...scene.lines.map(taken("line")), ...scene.zones.map(taken("zone"))];
    this.steps = [];
  }

  /** Returns what the server takes. */
  content(version) {
    const given = (kind) => this.figures.filter((figure) => figure.kind === kind).map((figure) => ({
      name: figure.name,
      points: figure.points,
      ...(kind === "line" ? { directions: figure.directions } : {}),
      was: figure.was ?? null,
    }));
    return { lines: given("line"), zones: given("zone"), version };
  }

  /** Remembers how all is before a change. Changes of one kind that follow one another are one step. */
  remember(merge = null) {
    if (merge !== null && merge === this.merged) return;
    this.merged = merge;
    this.steps.push(JSON.stringify(this.figures));
    if (this.steps.length > MOST_STEPS) this.steps.shift();
  }

  /** Ends a run of changes that are one step. */
  settle() {
    this.merged = null;
  }

  undo() {
    this.settle();
    if (this.steps.length) this.figures = JSON.parse(this.steps.pop());
  }

  get changed() {
    return this.steps.length > 0;
  }

  /** Returns a point that lies in the picture, on tenths of a pixel. */
  inside([x, y]) {
    const kept = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    return [kept(x, this.width), kept(y, this.height)];
  }

  /** Adds a figure; names is what new ones are called. */
  add(kind, points, names) {
    this.remember();
    this.figures.push({ kind, name: names.name, points, ...(kind === "line" ? { directions: [...names.directions] } : {}) });
    return this.figures.length - 1;
  }

  remove(at) {
    this.remember();
    this.figures.splice(at, 1);
  }

  movePoint(at, place, point) {
    this.figures[at].points[place] = this.inside(point);
  }

  insertPoint(at, place, point) {
    if (this.figures[at].points.length >= MOST_POINTS) return false;
    this.remember();
    this.figures[at].points.splice(place, 0, this.inside(point));
    return true;
  }

  removePoint(at, place) {
    const figure = this.figures[at];
    if (figure.points.length <= least(figure.kind)) return false;
    this.remember();
    figure.points.splice(place, 1);
    return true;
  }

  swap(at) {
    this.remember();
    this.figures[at].directions.reverse();
  }

  /** Returns a number for a new name that no figure of the kind has. */
  freeName(kind, named) {
    const names = new Set(this.figures.filter((figure) => figure.kind === kind).map((figure) => figure.name));
    let n = 1;
    while (names.has(named(n))) n++;
    return named(n);
  }
}

/** Returns where a line's arrow begins and its unit vector: across the first part, from left to right. */
export function arrowOf(points) {
  const [[x1, y1], [x2, y2]] = points;
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  // y points down: whoever looks along (dx, dy) has (-dy, dx) on the right
  return { at: [(x1 + x2) / 2, (y1 + y2) / 2], to: [-(y2 - y1) / length, (x2 - x1) / length] };
}
