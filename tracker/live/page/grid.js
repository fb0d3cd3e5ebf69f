// All cameras beside one another.

import { fill, h, setNumber, setText } from "./dom.js";
import { LivePicture } from "./picture.js";
import { Badge, PictureFrame } from "./state.js";
import { milliseconds, number, percent, say } from "./words.js";

class Tile {
  constructor(name) {
    this.picture = new LivePicture(name, () => this.camera && this.frame.update(this.camera));
    this.frame = new PictureFrame(this.picture);
    this.badge = new Badge();
    this.numbers = ["head.hour_short", "head.latency_short", "head.fps_short", "head.cnn_short"].map((key) => {
      const value = h("strong");
      return { value, element: h("li", null, value, h("span", null, say(key))) };
    });
    const link = h("a", { href: `#${encodeURIComponent(name)}`, "aria-label": say("picture.open", { name }) }, name);
    this.element = h("li", { class: "tile" },
      this.frame.element,
      h("div", { class: "heading" }, h("h2", null, link), this.badge.element),
      h("ul", { class: "numbers" }, this.numbers.map((item) => item.element)));
  }

  update(camera, counts) {
    this.camera = camera;
    this.frame.update(camera);
    this.badge.update(camera);
    const hour = counts.counts.reduce((sum, item) => sum + item.minutes.reduce((all, n) => all + n, 0), 0);
    const open = camera.state === "open";
    const values = [
      number(hour),
      open ? milliseconds(camera.latency_ms.median) : "–",
      open ? number(camera.fps, camera.fps < 10 ? 1 : 0) : "–",
      open ? percent(camera.cnn_share) : "–",
    ];
    setNumber(this.numbers[0].value, values[0]);
    values.slice(1).forEach((value, at) => setText(this.numbers[at + 1].value, value));
  }

  close() {
    this.picture.close();
  }
}

export class GridPage {
  constructor() {
    this.tiles = new Map();
    this.list = h("ul", { class: "grid" });
    this.empty = h("p", { class: "empty" }, say("nothing"));
    this.element = h("div", null, this.list, this.empty);
  }

  update(board) {
    this.empty.hidden = board.cameras.length > 0;
    const names = board.cameras.map((camera) => camera.name);
    if (names.join("\n") !== [...this.tiles.keys()].join("\n")) this.build(names);
    for (const camera of board.cameras) {
      this.tiles.get(camera.name).update(camera, board.counts.find((item) => item.camera === camera.name));
    }
  }

  build(names) {
    this.close();
    this.tiles = new Map(names.map((name) => [name, new Tile(name)]));
    this.list.classList.toggle("few", names.length <= 4);
    fill(this.list, [...this.tiles.values()].map((tile) => tile.element));
  }

  close() {
    for (const tile of this.tiles.values()) tile.close();
  }
}
