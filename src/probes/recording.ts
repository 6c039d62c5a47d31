import type { Clock } from '../time/index.ts';
import { createTrace, type Trace } from '../trace/trace.ts';
import type { Event } from '../trace/index.ts';
import type { OpenContext, Source } from '../watch/index.ts';
import type { Channel } from './channel.ts';

/**
 * A channel that records from the moment it was made: into a trace of its own, which makes it a subject, and into the traces of all
 * who have it among their sources.
 */
export class Recording implements Channel {
  readonly name: string;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly sources: readonly Source[];
  readonly #others = new Set<OpenContext['record']>();
  #end: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#end = resolve));
  #isClosed = false;
  #isWatched = false;

  constructor(name: string, clock: Clock, seed?: string) {
    this.name = name;
    this.clock = clock;
    this.trace = createTrace({ clock, seed });
    // What is seen is in the trace already: this source only tells that there may be more.
    this.sources = [
      {
        name,
        open: () => {
          this.#isWatched = true;
          return Promise.resolve({ done: this.#ended, [Symbol.asyncDispose]: () => Promise.resolve() });
        },
      },
    ];
  }

  /** What was seen, for all who see by this channel. */
  protected readonly record = (event: Event, keys?: readonly string[]): void => {
    if (this.#isClosed) return;
    this.trace.record(this.name, event, keys);
    for (const record of this.#others) record(event, keys);
  };

  open(context: OpenContext): ReturnType<Channel['open']> {
    const record: OpenContext['record'] = (event, keys) => context.record(event, keys);
    this.#others.add(record);
    const stop = (): Promise<void> => {
      this.#others.delete(record);
      return Promise.resolve();
    };
    return Promise.resolve({ done: this.#ended, [Symbol.asyncDispose]: stop });
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    // Whoever watches notes it by himself.
    if (!this.#isWatched) this.trace.record(this.name, { kind: 'end', reason: 'closed' });
    this.#end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
