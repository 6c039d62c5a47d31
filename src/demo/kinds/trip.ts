import type { EpochMillis, Millis } from '../../time/index.ts';
import { record, type EventType } from '../events.ts';
import type { Parts } from '../parts.ts';
import { problem, type Problem } from '../problem.ts';
import { call, CALL_TIMEOUT_MS, waitAfter } from '../saga.ts';
import type { Step } from '../services/service.ts';
import { STEPS, type Alongside, type Operation } from '../store.ts';
import type { Job, Kind } from './kind.ts';

/** How long a trip is tried to be booked, from its order on, in milliseconds: a day. What must be undone is undone however long it takes. */
export const TRIP_BUDGET_MS: Millis = 86_400_000;

/** What was ordered. Of the card there is only what the payment service gave for it. */
export interface TripOrder {
  readonly flight: string;
  readonly passenger: string;
  readonly city: string;
  readonly nights: number;
  readonly car: string;
  readonly token: string;
  /** In cents. */
  readonly price: number;
}

/** What a trip is made of, in the order in which it is booked: what costs nothing to give back comes first, the money last. */
const PARTS_OF_A_TRIP = ['flight', 'hotel', 'car', 'payment'] as const;
type PartOfATrip = (typeof PARTS_OF_A_TRIP)[number];

/** How far one part is: `begun` may have been done, and is until somebody knows. */
export type StepState = 'planned' | 'begun' | 'done' | 'undone';

/** What one worker notes for the next. */
interface Noted {
  readonly states: Readonly<Record<PartOfATrip, StepState>>;
  /** Why all of it is to be undone. */
  readonly failure?: Problem;
}

interface TripStep extends Step {
  readonly part: PartOfATrip;
}

/** The id of the trip that an operation books: there is one for each. */
export function tripOf({ id }: Pick<Operation, 'id'>): string {
  return id.replace('op_', 'trip_');
}

/** The parts of a trip, and how far each of them is. */
export function tripSteps(noted: unknown): readonly { readonly name: string; readonly state: StepState }[] {
  const { states } = read(noted);
  return PARTS_OF_A_TRIP.map((name) => ({ name, state: states[name] }));
}

function read(noted: unknown): Noted {
  return (noted as Noted | undefined) ?? { states: { flight: 'planned', hotel: 'planned', car: 'planned', payment: 'planned' } };
}

/**
 * Books all parts of a trip, or none. Each part is noted before it is begun and when it is done, so that whoever goes on after a
 * crash knows what may stand; each is asked for under one key, however often, so that it is made once. A service that does not
 * answer is asked again, less and less often; one that says no has all of it undone, the last first, before the end is told. So
 * has a client that cancels.
 *
 * @param leaving aborts when the server goes down: what is under way is left to the next worker
 */
export function tripKind(parts: Parts, leaving: AbortSignal): Kind {
  return { run: (job) => new Trip(parts, leaving, job).run() };
}

/** The job is no longer this worker's, or the server goes down. */
const LOST = Symbol('lost');

class Trip {
  readonly #parts: Parts;
  readonly #leaving: AbortSignal;
  readonly #job: Job;
  readonly #id: string;
  readonly #order: TripOrder;
  #noted: Noted;
  #progress: number;

  constructor(parts: Parts, leaving: AbortSignal, job: Job) {
    this.#parts = parts;
    this.#leaving = leaving;
    this.#job = job;
    this.#id = tripOf(job.operation);
    this.#order = job.operation.order as TripOrder;
    this.#noted = read(job.operation.noted);
    this.#progress = job.operation.step;
  }

  async run(): Promise<void> {
    let failure = this.#noted.failure;
    for (const step of this.#steps()) {
      if (failure !== undefined) break;
      if (this.#noted.states[step.part] === 'done') continue;
      const why = await this.#take(step);
      if (why === LOST) return;
      failure = why;
    }
    if (failure === undefined) {
      const { price } = this.#order;
      if (await this.#job.finish({ url: `/trips/${this.#id}`, price }, this.#telling('trip.booked', { price }))) return;
      // Somebody cancelled it before it had succeeded.
      failure = CANCELLED;
    }
    await this.#undoAll(failure);
  }

  #steps(): readonly TripStep[] {
    const { flight, passenger, city, nights, car, token, price } = this.#order;
    const step = (part: PartOfATrip, service: Step['service'], body: object): TripStep => ({
      part,
      service,
      key: `${this.#id}.${part}`,
      body,
    });
    return [
      step('flight', 'seat', { flight, passenger }),
      step('hotel', 'hotel', { city, nights, passenger }),
      step('car', 'car', { class: car, days: nights, passenger }),
      step('payment', 'payment', { token, amount: price }),
    ];
  }

  /** Has one step done, however often it must be asked for; or tells why it will not be. */
  async #take(step: TripStep): Promise<Problem | typeof LOST | undefined> {
    const { clock, hasTime, keyOfTry, saidNo } = this.#parts;
    for (let tries = 1; ; tries++) {
      const now = await this.#job.now();
      if (now === undefined) return LOST;
      if (now.status === 'cancelling') return CANCELLED;
      if (!hasTime(now.createdAt, clock.wall()))
        return problem('deadline-passed', `${step.service} did not do it within ${TRIP_BUDGET_MS / 3_600_000} hours`);
      if (!(await this.#mark(step, 'begun'))) return LOST;
      const asked = { ...step, key: keyOfTry(step.key, tries) };
      const failure = await call(this.#parts, asked, 'PUT', CALL_TIMEOUT_MS, this.#leaving);
      if (failure === undefined) return (await this.#mark(step, 'done')) ? undefined : LOST;
      if (this.#leaving.aborted) return LOST;
      if (saidNo(failure)) return failure;
      // One who cancelled during the call does not wait for the next.
      if ((await this.#job.now())?.status === 'running') await this.#wait(tries);
    }
  }

  /** Undoes what was begun, the last first and each until it is undone; only then is the end told. */
  async #undoAll(failure: Problem): Promise<void> {
    if (!(await this.#note({ ...this.#noted, failure }))) return;
    const { states } = this.#noted;
    const begun = this.#steps().filter(({ part }) => states[part] !== 'planned');
    const done = begun.filter(({ part }) => states[part] !== 'begun').length;
    const standing = begun.slice(0, this.#parts.toUndo(begun.length, done)).filter(({ part }) => states[part] !== 'undone');
    for (const step of this.#parts.undone(standing)) {
      for (let tries = 1; (await call(this.#parts, step, 'DELETE', CALL_TIMEOUT_MS, this.#leaving)) !== undefined; tries++) {
        if ((await this.#job.now()) === undefined || !(await this.#wait(tries))) return;
      }
      if (!(await this.#mark(step, 'undone'))) return;
    }
    const undone = PARTS_OF_A_TRIP.filter((part) => this.#noted.states[part] === 'undone').toReversed();
    const telling = this.#telling('trip.compensated', { undone });
    // Asked to be cancelled in the meantime or before, it ends so.
    if (await this.#job.finish('cancelled', telling)) return;
    await this.#job.finish({ ...failure, detail: `${failure.detail}; undone: ${undone.join(', ') || 'nothing'}` }, telling);
  }

  /** Waits before the next try, until it is cancelled at the longest; false when there is no reason left to go on. */
  #wait(tries: number): Promise<boolean> {
    return this.#job.until(this.#parts.clock.now() + waitAfter(tries), { idle: true });
  }

  async #mark({ part }: TripStep, state: StepState): Promise<boolean> {
    const { states } = this.#noted;
    if (states[part] === state) return true;
    return this.#note({ ...this.#noted, states: { ...states, [part]: state } });
  }

  /** Keeps how far it is; false when it is no longer this worker's. */
  #note(noted: Noted): Promise<boolean> {
    this.#noted = noted;
    const done = PARTS_OF_A_TRIP.filter((part) => noted.states[part] === 'done').length;
    // The last step of the work is its end.
    this.#progress = Math.max(this.#progress, Math.min(STEPS - 1, Math.floor((done * STEPS) / PARTS_OF_A_TRIP.length)));
    return this.#job.note(this.#progress, noted);
  }

  #telling(type: EventType, data: object): Alongside {
    const { owner } = this.#job.operation;
    const { flight, city, car } = this.#order;
    const happening = { type, subject: `/trips/${this.#id}`, owner, data: { flight, city, car, ...data } };
    const at: EpochMillis = this.#parts.clock.wall();
    return function* () {
      yield* record(happening, at);
    };
  }
}

const CANCELLED: Problem = problem('cancelled', 'the trip was cancelled');
