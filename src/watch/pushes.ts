import { isDeafening } from '../logic/events.ts';
import type { Event } from '../trace/index.ts';
import { failedLook } from './look.ts';
import type { OpenContext, Push } from './source.ts';
import type { Subject } from './subject.ts';

const NONE: readonly never[] = [];

/** What is open, from one opening to its closing. */
interface Session {
  opened: readonly AsyncDisposable[];
  closed: boolean;
  /** Ends what is still being opened. */
  closing: AbortController | undefined;
  readonly listening: Set<Push>;
  /** Those that are heard no more, though they have not ended in order. */
  readonly deaf: Set<Push>;
  /** Of these, the ones that broke off for good. */
  lost: readonly string[];
}

/** Of all that were never opened: most have nothing to open. Never changed. */
const NOT_OPEN: Session = {
  opened: NONE,
  closed: false,
  closing: undefined,
  listening: new Set(),
  deaf: new Set(),
  lost: NONE,
};

/** The sources of a subject that tell by themselves: opened once for all who wait, closed with the subject, and opened anew after that. */
export class Pushes {
  readonly #subject: Subject;
  readonly #pushes: readonly Push[];
  readonly #ended: () => void;
  #opening: Promise<void> | undefined;
  #session: Session = NOT_OPEN;
  /** How many may still tell something. */
  #pending: number;

  /** @param ended called when one of them has come to its end */
  constructor(subject: Subject, pushes: readonly Push[], ended: () => void) {
    this.#subject = subject;
    this.#pushes = pushes;
    this.#ended = ended;
    this.#pending = pushes.length;
  }

  get closed(): boolean {
    return this.#session.closed;
  }

  get none(): boolean {
    return this.#pushes.length === 0;
  }

  /** Whether none of them will tell anything any more. */
  get ended(): boolean {
    return this.#pending === 0;
  }

  /** How many are listened to: what they do not tell is not told. */
  get listening(): number {
    return this.#session.listening.size;
  }

  /** Those that are heard no more, though they have not ended in order. */
  get deaf(): readonly string[] {
    return this.#session.deaf.size === 0 ? NONE : [...this.#session.deaf].map(({ name }) => name);
  }

  /** Of these, the ones that broke off for good. */
  get lost(): readonly string[] {
    return this.#session.lost;
  }

  open(): Promise<void> {
    if (this.#opening === undefined) {
      // Whoever comes after it was closed has it opened anew.
      if (this.#session.closed || this.#session === NOT_OPEN) {
        this.#pending = this.#pushes.length;
        this.#session = { ...NOT_OPEN, closed: false, listening: new Set(), deaf: new Set() };
      }
      const session = this.#session;
      this.#opening = this.#openAll(session).catch(async (error: unknown) => {
        // Whoever comes later tries anew: what could not be reached then may be there by now.
        if (session === this.#session && !session.closed) {
          this.#opening = undefined;
          this.#session = NOT_OPEN;
        }
        // Those that listen already would be left open by somebody who was told that opening failed.
        await disposeAll(session).catch(nothing);
        throw error;
      });
    }
    return this.#opening;
  }

  async #openAll(session: Session): Promise<void> {
    const { clock, trace } = this.#subject;
    // Most subjects are polled, and need none.
    const { signal } = (session.closing ??= new AbortController());
    for (const push of this.#pushes) {
      if (session.closed) break;
      const record: OpenContext['record'] = (event, keys) => {
        hear(session, push, event);
        trace.record(push.name, event, keys);
      };
      const open = await push.open({ clock, signal, record });
      if (!session.deaf.has(push)) session.listening.add(push);
      // Nobody awaits this: what a follower throws has failed its own wait.
      open.done
        .then(
          () => this.#pushEnded(session, push, undefined),
          (error: unknown) => this.#pushEnded(session, push, { error }),
        )
        .catch(nothing);
      session.opened = [...session.opened, open];
    }
    // Closed while one of them was being opened.
    if (session.closed) await disposeAll(session);
  }

  /** @param broken it broke off, for this */
  #pushEnded(session: Session, push: Push, broken: { readonly error: unknown } | undefined): void {
    // What was opened anew since tells its own end.
    if (session !== this.#session) return;
    // One that stops after a failure has not come to its end either.
    if (broken !== undefined) session.deaf.add(push);
    if (session.deaf.has(push)) session.lost = [...session.lost, push.name];
    session.listening.delete(push);
    this.#pending--;
    try {
      this.#subject.trace.record(push.name, broken === undefined ? { kind: 'end', reason: 'closed' } : failedLook(broken.error));
    } finally {
      this.#ended();
    }
  }

  /** @returns what closes them, once those who wait have been told */
  shut(): () => Promise<void> {
    if (this.#session === NOT_OPEN) this.#session = { ...NOT_OPEN, closed: true };
    else this.#session.closed = true;
    const session = this.#session;
    session.closing?.abort();
    this.#opening = undefined;
    return () => disposeAll(session);
  }
}

/** One whose last word is that it failed is heard no more, until it tells anything else. */
function hear({ listening, deaf, lost }: Session, push: Push, event: Event): void {
  if (isDeafening(event)) {
    deaf.add(push);
    listening.delete(push);
  } else if (deaf.has(push) && !lost.includes(push.name)) {
    deaf.delete(push);
    listening.add(push);
  }
}

async function disposeAll(session: Session): Promise<void> {
  const { opened } = session;
  session.opened = NONE;
  const closings = await Promise.allSettled(opened.map(async (open) => open[Symbol.asyncDispose]()));
  for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
}

function nothing(): void {}
