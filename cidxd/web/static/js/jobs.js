// The jobs this page knows, kept in step with the stream.

import { get } from "./api.js";

const FINAL = new Set(["completed", "failed", "cancelled"]);
const KEPT = 50; // ended jobs in memory
const REREAD_MS = 4000; // estimates and queue places are no events: they are read

export const isFinal = (job) => FINAL.has(job.status);

/**
 * Fires `change` (CustomEvent, `detail` is the job's id, or null for many).
 * A job that an event names and that is not known is read once.
 */
export class Jobs extends EventTarget {
  constructor(stream) {
    super();
    this.known = new Map();
    this.queue = null;
    this.reading = new Map();
    this.stale = new Set();
    stream.addEventListener("snapshot", ({ detail }) => this.#snapshot(detail.jobs));
    stream.addEventListener("event", ({ detail }) => this.#event(detail));
    stream.addEventListener("queue", ({ detail }) => this.#stands(detail));
    this.timer = setInterval(() => this.#reread(), REREAD_MS);
  }

  close() {
    clearInterval(this.timer);
  }

  all() {
    return [...this.known.values()];
  }

  running() {
    return this.all().filter((job) => job.status === "running").sort(byStart);
  }

  queued() {
    return this.all().filter((job) => job.status === "queued").sort((a, b) => (a.queue?.position ?? 1e9) - (b.queue?.position ?? 1e9));
  }

  ended() {
    return this.all().filter(isFinal).sort((a, b) => (a.finished_at < b.finished_at ? 1 : -1));
  }

  /** Take in what was read elsewhere. */
  put(job) {
    if (this.#take(job)) this.#changed(job.job_id);
  }

  #take(job) {
    const before = this.known.get(job.job_id);
    // What ended never changes again: an answer that was on its way meanwhile is older.
    if (before && isFinal(before) && !isFinal(job)) return false;
    this.known.set(job.job_id, { ...job, seen: before?.seen });
    return true;
  }

  /** Read one job; several askers of the same one share the answer. */
  async read(id) {
    if (!this.reading.has(id)) {
      const answer = get(`/api/jobs/${encodeURIComponent(id)}`).finally(() => this.reading.delete(id));
      this.reading.set(id, answer);
    }
    const job = await this.reading.get(id);
    this.put(job);
    return job;
  }

  /** Read the last jobs that ended, and the queue. */
  async start() {
    const [page] = await Promise.all([get("/api/jobs", { limit: 20 }), this.readQueue()]);
    for (const job of page.jobs) this.put(job);
  }

  async readQueue() {
    this.#stands(await get("/api/queue"));
  }

  #stands(queue) {
    this.queue = queue;
    this.#changed(null);
  }

  #snapshot(jobs) {
    const active = new Set(jobs.map((job) => job.job_id));
    for (const job of this.all()) {
      if (!isFinal(job) && !active.has(job.job_id)) this.#later(job.job_id); // ended meanwhile
    }
    for (const job of jobs) this.put(job);
  }

  #event(event) {
    const job = this.known.get(event.job_id);
    if (job === undefined || event.seq <= (job.seen ?? 0)) {
      if (job === undefined) this.#later(event.job_id);
      return;
    }
    if (isFinal(job)) return;
    const { status, phase, progress_percentage: progress, message, phase_record: record } = event.data;
    const changed = { ...job, seen: event.seq, status, phase, message };
    changed.progress_percentage = Math.max(job.progress_percentage, progress ?? 0);
    if (record) changed.phases = job.phases.map((one) => (one.name === record.name ? record : one));
    this.known.set(job.job_id, changed);
    this.#changed(job.job_id);
    if (event.type !== "progressed") this.#later(job.job_id);
  }

  /** Read a job soon, for what its events do not say; an answer on its way may be older. */
  async #later(id) {
    if (this.stale.has(id)) return;
    this.stale.add(id);
    await this.reading.get(id)?.catch(() => {});
    this.stale.delete(id);
    this.read(id).catch(() => {});
  }

  async #reread() {
    if (document.hidden || !this.all().some((job) => !isFinal(job))) return;
    try {
      if (this.queue?.incidents.length) await this.readQueue(); // it counts who waits, and to the next try
      for (const status of ["running", "queued"]) {
        const page = await get("/api/jobs", { status, limit: 100 });
        for (const job of page.jobs) this.#take(job);
      }
      this.#changed(null);
    } catch {
      // the stream shows that the daemon is away
    }
  }

  #changed(id) {
    if (this.known.size > KEPT + 50) {
      for (const job of this.ended().slice(KEPT)) this.known.delete(job.job_id);
    }
    this.dispatchEvent(new CustomEvent("change", { detail: id }));
  }
}

function byStart(a, b) {
  return (a.started_at ?? "") < (b.started_at ?? "") ? -1 : 1;
}
