import type { Clock, Millis } from '../time/index.ts';

/** How much may wait before whoever sends is held back, in bytes. */
export const MAX_WAITING_BYTES = 262_144;

/** Whoever sends: it can be held back, and let go on. */
interface Sender {
  pause(): unknown;
  resume(): unknown;
}

/** Bytes on their way, in order, each let through so long after it came. For one reader. */
export class Flow implements AsyncIterable<Uint8Array> {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #delay: Millis;
  readonly #signal: AbortSignal;
  readonly #waiting: { readonly bytes: Uint8Array; readonly at: Millis }[] = [];
  #size = 0;
  #isHeldBack = false;
  #endedAt: Millis | undefined;
  #broken: Error | undefined;
  #wake: () => void = () => undefined;

  /** @param signal from when on nothing is late any more */
  constructor(sender: Sender, clock: Clock, signal: AbortSignal, delay: Millis = 0) {
    this.#sender = sender;
    this.#clock = clock;
    this.#signal = signal;
    this.#delay = delay;
  }

  push(bytes: Uint8Array): void {
    this.#waiting.push({ bytes, at: this.#due() });
    this.#size += bytes.length;
    // Again, too: others may have let it go on.
    if (this.#size >= MAX_WAITING_BYTES) {
      this.#isHeldBack = true;
      this.#sender.pause();
    }
    this.#wake();
  }

  /** That was all. */
  end(): void {
    this.#endedAt ??= this.#due();
    this.#wake();
  }

  /** It was broken off: what waits is lost, and the reader gets the error. */
  break(error: Error): void {
    this.#broken ??= error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (this.#broken !== undefined) throw this.#broken;
      const next = this.#waiting[0];
      if (next === undefined) {
        if (this.#endedAt !== undefined) return this.#until(this.#endedAt);
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      await this.#until(next.at);
      if (this.#broken !== undefined) continue;
      this.#waiting.shift();
      this.#size -= next.bytes.length;
      if (this.#isHeldBack && this.#size < MAX_WAITING_BYTES / 2) {
        this.#isHeldBack = false;
        this.#sender.resume();
      }
      yield next.bytes;
    }
  }

  #due(): Millis {
    return this.#delay === 0 ? 0 : this.#clock.now() + this.#delay;
  }

  async #until(at: Millis): Promise<void> {
    if (at === 0) return;
    const left = at - this.#clock.now();
    if (left > 0) await this.#clock.sleep(left, this.#signal);
  }
}
