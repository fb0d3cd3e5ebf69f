// How a camera's state is said and shown: a badge, and what stands over a picture that does not move.

import { h, setAttribute, setText } from "./dom.js";
import { clock, say } from "./words.js";

/** Returns a camera's state in words. */
export function stateText(camera) {
  return say(`state.${camera.state}`, { time: clock(camera.since) });
}

export class Badge {
  constructor() {
    this.text = h("span");
    this.element = h("span", { class: "badge" }, h("i", { "aria-hidden": "true" }), this.text);
  }

  update(camera) {
    setAttribute(this.element, "data-state", camera.state);
    setText(this.text, stateText(camera));
  }
}

/** Frame around a live picture: dims it and says why where it is not live. */
export class PictureFrame {
  constructor(picture) {
    this.picture = picture;
    this.note = h("p", { class: "note" });
    this.recording = h("span", { class: "recording", hidden: true });
    this.element = h("div", { class: "frame" }, picture.canvas, this.note, this.recording);
  }

  update(camera) {
    this.picture.setSize(camera.width, camera.height);
    setAttribute(this.picture.canvas, "aria-label", say("picture.alt", { name: camera.name }));
    setText(this.recording, say("record.on"));
    this.recording.hidden = !camera.recording || camera.state === "gone";
    const live = camera.state === "open";
    let note = "";
    if (this.picture.paused) note = say("picture.paused");
    else if (!live) note = stateText(camera);
    else if (!this.picture.shown) note = say("picture.waiting");
    setText(this.note, note);
    this.note.hidden = note === "";
    setAttribute(this.element, "data-live", String(live && this.picture.shown));
  }
}
