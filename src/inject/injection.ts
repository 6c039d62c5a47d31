import { begin, type Passing, type Plan, type Run, type Struck } from '../faults/index.ts';
import { systemClock, type Clock } from '../time/index.ts';
import { createTrace, type Trace } from '../trace/index.ts';
import { refuseUnable, type InjectorName } from './abilities.ts';
import { Overtaking } from './overtaking.ts';

/** What every injector takes. */
export interface InjectorOptions {
  /** What is done, where and when; nothing, where it is left out. */
  readonly plan?: Plan | undefined;
  /** The clock of its moments and delays; the system clock by default. */
  readonly clock?: Clock | undefined;
  /** Where every harm is recorded; a trace of its own by default. */
  readonly trace?: Trace | undefined;
  /** What it is called in the trace, and what a plan calls the other end by; the injector's own name by default. */
  readonly name?: string | undefined;
  /** Told of all that passes, harmed or not, in the order in which it comes. */
  readonly onPassing?: ((passing: Passing) => void) | undefined;
}

/** A plan at work. */
export interface Injected extends AsyncDisposable {
  readonly name: string;
  readonly trace: Trace;
  readonly run: Run;
  /** From now on nothing is harmed; what is kept back goes on. */
  heal(): void;
  /** Heals, and takes away what it put between. */
  close(): Promise<void>;
}

const NO_PLAN: Plan = { seed: '0', entries: [] };

/** What all injectors share: a plan that has begun, and what ends when it is healed. */
export abstract class Injection implements Injected {
  readonly name: string;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly run: Run;
  protected readonly overtaking: Overtaking;
  readonly #onPassing: ((passing: Passing) => void) | undefined;
  readonly #healing = new AbortController();
  readonly #cancel: () => void;

  /** @throws HarnessError `cannot-inject`, before anything is harmed */
  constructor(injector: InjectorName, options: InjectorOptions) {
    const { plan = NO_PLAN, clock = systemClock } = options;
    refuseUnable(plan, injector);
    this.name = options.name ?? injector;
    this.clock = clock;
    this.trace = options.trace ?? createTrace({ clock, seed: plan.seed });
    this.#onPassing = options.onPassing;
    this.overtaking = new Overtaking(clock);
    this.run = begin(plan, { clock, trace: this.trace, source: this.name });
    this.#cancel = plan.until === undefined ? () => undefined : clock.after(plan.until, () => this.heal());
  }

  /** What is to be done to this one. */
  protected strike(passing: Passing): Struck {
    this.#onPassing?.(passing);
    return this.run.strike(passing);
  }

  /** Aborts when all is healed. */
  protected get healed(): AbortSignal {
    return this.#healing.signal;
  }

  heal(): void {
    this.#cancel();
    this.run.heal();
    this.#healing.abort();
  }

  close(): Promise<void> {
    this.heal();
    return this.stop();
  }

  /** Takes away what was put between. */
  protected abstract stop(): Promise<void>;

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
