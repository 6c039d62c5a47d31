import { HarnessError, show } from '../errors.ts';
import { definitionOf, type Passing, type Plan, type Struck } from '../faults/index.ts';
import type { Message } from '../probes/channel.ts';
import type { Event } from '../trace/index.ts';
import type { OpenContext, Push } from '../watch/index.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { ordersOf, type Orders } from './orders.ts';

/** All messages of a source are one row: whatever comes next overtakes what is kept back. */
const ROW = '';

export interface ThroughOptions extends Omit<InjectorOptions, 'plan'> {
  /**
   * The consumer under test: called with each message as it comes through, in that order, without waiting for the one before. What it
   * throws is an error in the trace.
   */
  readonly handler?: ((message: Message) => unknown) | undefined;
}

/** A source whose messages are harmed before they are seen. */
export interface Harmed extends Push, Omit<Injected, 'name'> {}

/**
 * Stands between a broker, or any other source that tells by itself, and whoever listens: messages are lost, doubled, overtaken or late
 * as the plan says, before they are recorded and before `handler` gets them. A fault's `where` is the type of a message.
 *
 * A lost message is gone: the broker takes it for delivered. What it would send again (`dropDelivery` as a failure) and forging are for
 * what comes by HTTP: see `delivery`.
 *
 * @param source such as a probe of `holdfast/probes`
 * @throws HarnessError `cannot-inject`
 *
 * @example
 * ```ts
 * import { duplicateDelivery, plan } from 'holdfast/faults';
 * import { through } from 'holdfast/inject';
 * import { systemClock } from 'holdfast/time';
 * import type { Push } from 'holdfast';
 * const queue: Push = {
 *   name: 'queue',
 *   async open(context) {
 *     context.record({ kind: 'message', id: 'm1', type: 'order.paid', data: { order: 1 } });
 *     return { done: Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
 *   },
 * };
 * const got: unknown[] = [];
 * const bad = through(queue, plan({ seed: 1 }, duplicateDelivery({ where: 'order.*' })), { handler: ({ id }) => got.push(id) });
 * const listening = await bad.open({ clock: systemClock, record: () => undefined });
 * await bad.close();
 * got; // => ['m1', 'm1']
 * await listening[Symbol.asyncDispose]();
 * ```
 */
export function through(source: Push, plan: Plan, options: ThroughOptions = {}): Harmed {
  return new Through(source, plan, options);
}

/** A message with what it tells, on its way. */
interface Parcel {
  readonly events: (readonly [event: Event, keys: readonly string[] | undefined])[];
  /** How often it has gone on already: what is told of it later follows as often, at once. */
  gone: number;
}

class Through extends Injection implements Harmed {
  readonly stateless: boolean;
  readonly #source: Push;
  readonly #handler: ThroughOptions['handler'];
  readonly #tells: boolean;
  readonly #going = new Set<Promise<unknown>>();

  constructor(source: Push, plan: Plan, options: ThroughOptions) {
    refuseOthers(plan);
    super('through', { ...options, plan, name: options.name ?? source.name });
    this.stateless = source.stateless === true;
    this.#source = source;
    this.#handler = options.handler;
    // Where nobody chose a trace, those who listen are told what was harmed.
    this.#tells = options.trace === undefined;
  }

  async open(context: OpenContext): ReturnType<Push['open']> {
    let last: { readonly keys: readonly string[] | undefined; readonly parcel: Parcel } | undefined;
    const record = (event: Event, keys?: readonly string[]): void => {
      if (event.kind === 'message') {
        last = { keys, parcel: { events: [[event, keys]], gone: 0 } };
        this.#take(event, last.parcel, context);
      } else if (event.kind === 'state' && last?.keys === keys && last !== undefined) {
        // The state that a message tells goes its way.
        const { parcel } = last;
        parcel.events.push([event, keys]);
        for (let i = 0; i < parcel.gone; i++) context.record(event, keys);
      } else {
        last = undefined;
        context.record(event, keys);
      }
    };
    return this.#source.open({ clock: context.clock, record });
  }

  #take(message: Message, parcel: Parcel, context: OpenContext): void {
    const passing: Passing = { peer: this.name, type: message.type };
    const struck = this.strike(passing);
    if (this.#tells) for (const { fault, action } of struck.harms) context.record({ kind: 'fault', fault, action });
    const orders = ordersOf(struck.harms);
    const end = (): void => this.#done(struck, context);
    if (orders.respond !== undefined || orders.lost !== undefined) {
      this.overtaking.passed(ROW);
      return end();
    }
    if (orders.delay === 0 && orders.hold === undefined && orders.repeat.length === 0) {
      this.#hand(parcel, context);
      this.overtaking.passed(ROW);
      return end();
    }
    this.#follow(this.#late(parcel, orders, context).finally(end));
  }

  async #late(parcel: Parcel, { delay, hold, repeat }: Orders, context: OpenContext): Promise<void> {
    if (delay > 0) await this.clock.sleep(delay, this.healed);
    if (hold !== undefined) await this.overtaking.held(ROW, hold, this.healed);
    this.#hand(parcel, context);
    this.overtaking.passed(ROW);
    for (const { times, gap } of repeat) {
      for (let n = 0; n < times; n++) {
        if (gap > 0) await this.clock.sleep(gap, this.healed);
        if (this.healed.aborted) return;
        this.#hand(parcel, context);
      }
    }
  }

  #hand(parcel: Parcel, context: OpenContext): void {
    for (const [event, keys] of parcel.events) context.record(event, keys);
    parcel.gone++;
    const [message] = parcel.events[0]!;
    const handler = this.#handler;
    if (handler !== undefined) this.#follow(this.#handled(handler, message as Message, context));
  }

  async #handled(handler: NonNullable<ThroughOptions['handler']>, message: Message, context: OpenContext): Promise<void> {
    try {
      await handler(message);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      context.record({ kind: 'error', name: 'HandlerFailed', message: `${this.name}: the handler failed: ${why}` });
    }
  }

  #done(struck: Struck, context: OpenContext): void {
    struck.done();
    if (this.#tells) for (const { fault } of struck.harms) context.record({ kind: 'healed', fault });
  }

  #follow(one: Promise<unknown>): void {
    this.#going.add(one);
    void one.finally(() => this.#going.delete(one));
  }

  protected override async stop(): Promise<void> {
    while (this.#going.size > 0) await Promise.allSettled(this.#going);
  }
}

/** Of a message that came there is no exchange to harm, nobody to answer, and nothing signed. */
function refuseOthers({ entries }: Plan): void {
  const beyond = entries.filter(({ fault, args }) => definitionOf(fault).of !== 'delivery' || args['as'] === 'failure');
  if (beyond.length === 0) return;
  throw new HarnessError(
    'cannot-inject',
    `through cannot do all of this plan:${beyond.map(({ id }) => `\n  '${id}' is not about a message that came`).join('')}`,
    'it can do dropDelivery (as a success), duplicateDelivery, reorderDeliveries and delayDelivery; delivery can do more where messages come by HTTP',
  );
}
