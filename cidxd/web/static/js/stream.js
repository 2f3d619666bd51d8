// The live stream: one WebSocket to everything one may see, resumed without a gap.

const HIDDEN_MS = 30_000; // a tab out of sight for so long lets go of its stream
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/**
 * Fires `snapshot` ({jobs}), `event` (one), `queue` and `state` (CustomEvent, `detail`).
 * States: connecting, live, offline (with the milliseconds until it tries again), paused, ended.
 */
export class Stream extends EventTarget {
  constructor() {
    super();
    this.cursor = null;
    this.state = "connecting";
    this.tries = 0;
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("online", () => this.#again());
  }

  open() {
    this.#set("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/stream`);
    this.socket = socket;
    socket.onopen = () => {
      const wanted = { subscribe: { all: true } };
      if (this.cursor !== null) wanted.after = this.cursor;
      socket.send(JSON.stringify(wanted));
    };
    socket.onmessage = (message) => this.#heard(JSON.parse(message.data));
    socket.onclose = (event) => this.#closed(socket, event);
  }

  close() {
    this.#set("ended");
    clearTimeout(this.timer);
    clearTimeout(this.hiding);
    this.socket?.close();
  }

  #heard(frame) {
    if (frame.snapshot) {
      this.tries = 0;
      // Of a resumed stream the events since the cursor follow, so that it stays where it was.
      this.cursor ??= frame.cursor;
      this.#fire("snapshot", frame.snapshot);
      this.#set("live");
    } else if (frame.event) {
      this.cursor = frame.event.cursor;
      this.#fire("event", frame.event);
    } else if (frame.bookmark !== undefined) {
      this.cursor = Math.max(this.cursor ?? 0, frame.bookmark);
    } else if (frame.queue) {
      this.#fire("queue", frame.queue);
    } else if (frame.error?.code === "cursor-expired") {
      this.cursor = null;
    }
  }

  #closed(socket, event) {
    if (socket !== this.socket || this.state === "ended" || this.state === "paused") return;
    if (event.code === 1008) {
      this.#set("ended");
      this.#fire("logged-out", null);
      return;
    }
    if (document.hidden) {
      this.#set("paused");
      return;
    }
    const base = PAUSES_MS[Math.min(this.tries, PAUSES_MS.length - 1)];
    const pause = base * (0.75 + Math.random() / 2); // so that not all pages come at once
    this.tries += 1;
    this.#set("offline", pause);
    this.timer = setTimeout(() => this.open(), pause);
  }

  #seen() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        if (this.state === "ended") return;
        clearTimeout(this.timer);
        this.#set("paused");
        this.socket?.close();
      }, HIDDEN_MS);
    } else {
      this.#again();
    }
  }

  #again() {
    if (this.state !== "paused" && this.state !== "offline") return;
    clearTimeout(this.timer);
    this.tries = 0;
    this.open();
  }

  #set(state, detail) {
    this.state = state;
    this.#fire("state", { state, pause: detail ?? 0 });
  }

  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
