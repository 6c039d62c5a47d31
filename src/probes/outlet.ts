import { show } from '../errors.ts';
import { systemClock, type Clock } from '../time/clock.ts';
import type { Event } from '../trace/index.ts';
import { tell, type ChannelOptions, type Message } from './channel.ts';
import { Recording } from './recording.ts';

/** What whoever makes a channel may choose of it. */
export interface OutletOptions extends ChannelOptions {
  /** Stamps what is seen; the system clock by default. */
  readonly clock?: Clock | undefined;
}

/** A recording of messages that others send to it. */
export abstract class Outlet extends Recording {
  readonly stateless: boolean;
  readonly #options: ChannelOptions;
  #closing: Promise<void> | undefined;

  constructor(options: OutletOptions & { readonly seed?: string | undefined }, name: string) {
    super(options.name ?? name, options.clock ?? systemClock, options.seed);
    this.stateless = options.state === false;
    this.#options = options;
  }

  /** What is to be recorded of a message, with its keys; what the caller's own functions threw is an error like any other. */
  protected told(message: Message, repeated = false): readonly (readonly [event: Event, keys: readonly string[] | undefined])[] {
    const all: [Event, readonly string[] | undefined][] = [];
    try {
      // What is told again tells no new state: a retry after the end would turn it back.
      const options = repeated ? { ...this.#options, state: false as const } : this.#options;
      tell((event, keys) => void all.push([event, keys]), message, options);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      return [
        [message, undefined],
        [
          { kind: 'error', name: 'InvalidChannel', message: `${this.name}: what it was told could not be read: ${why}` },
          undefined,
        ],
      ];
    }
    return all;
  }

  /** Ends what listens. Called once. */
  protected abstract stop(): Promise<void>;

  override close(): Promise<void> {
    this.#closing ??= this.stop().finally(() => void super.close());
    return this.#closing;
  }
}
