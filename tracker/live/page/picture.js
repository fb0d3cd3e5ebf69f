// A camera's moving picture: asks the server for the next picture when the one before is shown.
//
// Over a slow line pictures become fewer and never late, and a page that nobody sees asks for none.

import { h } from "./dom.js";

const RETRY_MS = [500, 1000, 2000, 4000];

export class LivePicture {
  /** onChange is called when the first picture comes and when pictures stop or begin to come. */
  constructor(name, onChange) {
    this.canvas = h("canvas", { role: "img", width: 16, height: 9 });
    this.shown = false;
    this.paused = false;
    this.inView = false;
    this.ended = false;
    this.failures = 0;
    this.name = name;
    this.onChange = onChange;
    this.look = () => this.update();
    document.addEventListener("visibilitychange", this.look);
    this.observer = new IntersectionObserver((entries) => {
      this.inView = entries.at(-1).isIntersecting;
      this.update();
    });
    this.observer.observe(this.canvas);
  }

  /** Sets the shape before the first picture comes, so that nothing jumps. */
  setSize(width, height) {
    if (this.shown || !width || this.canvas.width === width) return;
    this.canvas.width = width;
    this.canvas.height = height;
  }

  setPaused(paused) {
    this.paused = paused;
    this.update();
  }

  close() {
    this.ended = true;
    document.removeEventListener("visibilitychange", this.look);
    this.observer.disconnect();
    this.update();
  }

  update() {
    const wanted = !this.ended && !this.paused && this.inView && !document.hidden;
    if (wanted && !this.socket) this.connect();
    if (!wanted && this.socket) this.disconnect();
  }

  connect() {
    const address = new URL(`/api/cameras/${encodeURIComponent(this.name)}/pictures`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.binaryType = "blob";
    socket.onopen = () => socket.send("next");
    socket.onmessage = (message) => this.show(socket, message.data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
      setTimeout(() => {
        if (this.socket === socket) {
          this.socket = null;
          this.update();
        }
      }, wait);
    };
  }

  disconnect() {
    const socket = this.socket;
    this.socket = null;
    socket.close();
  }

  async show(socket, blob) {
    try {
      const bitmap = await createImageBitmap(blob);
      if (this.socket !== socket) return bitmap.close();
      this.draw(bitmap);
      this.failures = 0;
    } catch {
      // one that cannot be decoded is passed over
    }
    if (socket.readyState === WebSocket.OPEN) socket.send("next");
  }

  draw(bitmap) {
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
    }
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    if (!this.shown) {
      this.shown = true;
      this.onChange();
    }
  }
}
