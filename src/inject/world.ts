import { HarnessError, nearest, show } from '../errors.ts';
import type { Due, WorldAction } from '../faults/index.ts';
import type { InjectorName } from './abilities.ts';
import { allOf, Errands } from './errands.ts';
import { heal } from './heal.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { journal, type Harming, type Journal } from './undo.ts';

export interface WorldOptions extends InjectorOptions {
  /** The folder of the journal; `HOLDFAST_JOURNAL`, or `~/.local/state/holdfast/journal`, by default. */
  readonly journal?: string | undefined;
}

/** A plan at work on processes and networks. */
export interface HarmedWorld extends Injected {
  /**
   * Does one thing to a target now, beside the plan; what it does is undone when all is healed. `resume`, `start` and `heal` undo it
   * before.
   *
   * @throws HarnessError `unknown-target`, `cannot-inject`, `harm-failed`
   */
  act(action: WorldAction): Promise<void>;
  /** Resolves when all that is due has been done. */
  settled(): Promise<void>;
}

/** What an injector of the world makes of an action. */
export interface Deedful extends Harming {
  perform(): Promise<void>;
}

interface InForce {
  /** How many ordered it: what two faults do is undone once the second of them is over. */
  count: number;
  readonly undone: () => void;
}

const UNDOES: Readonly<Record<string, string>> = { resume: 'pause', start: 'kill', heal: 'partition' };

/** What is done to processes and networks: each harm with its undo on disk before, and in the order of time. */
export abstract class World extends Injection implements HarmedWorld {
  readonly #names: readonly string[];
  readonly #journal: Journal;
  readonly #cancels: (() => void)[] = [];
  readonly #force = new Map<string, InForce>();
  readonly #dues = new Set<Due>();
  readonly #errands: Errands;

  /** @throws HarnessError `cannot-inject`, `unknown-target`, before anything is harmed */
  protected constructor(injector: InjectorName, options: WorldOptions, names: readonly string[]) {
    super(injector, options);
    this.#names = names;
    this.#journal = journal(options.journal);
    this.#errands = new Errands(this.name, this.trace);
    try {
      for (const due of this.run.world) for (const action of due.harm) this.#known(action);
    } catch (error) {
      super.heal();
      throw error;
    }
  }

  /** Begins what is due by time. */
  protected begin(): void {
    for (const due of this.run.world) {
      if (due.harm.length === 0) continue;
      this.#cancels.push(this.clock.after(due.at, () => void this.#errands.unattended(() => this.#strike(due))));
      if (due.until !== undefined)
        this.#cancels.push(this.clock.after(due.until, () => void this.#errands.unattended(() => this.#over(due))));
    }
  }

  /** How an action is done, and what undoes it; nothing to undo, where there is none. */
  protected abstract deed(action: WorldAction): Promise<Omit<Deedful, 'undo'> & Partial<Pick<Deedful, 'undo'>>>;

  /** Undoes an action, if it is still so. */
  protected abstract undo(action: WorldAction, harming: Harming): Promise<void>;

  async act(action: WorldAction): Promise<void> {
    this.#known(action);
    const due: Due = { at: 0, id: action.do, fault: action.do, harm: [action], until: undefined, undo: [] };
    await this.#errands.ordered(async () => {
      if (action.do in UNDOES) return this.#lift(action);
      if (this.healed.aborted)
        throw new HarnessError(
          'cannot-inject',
          `${this.name}: all is healed, and nothing is harmed any more`,
          'make another one',
        );
      this.run.told(due, false);
      await this.#harm(action);
    });
  }

  settled(): Promise<void> {
    return this.#errands.settled();
  }

  /** Called again, it tries again what could not be undone. */
  override heal(): void {
    if (this.healed.aborted && this.#force.size === 0) return;
    for (const cancel of this.#cancels) cancel();
    super.heal();
    void this.#errands.unattended(() => this.#liftAll());
  }

  /** @throws HarnessError `not-healed`, where something could not be undone: the journal keeps it */
  protected override async stop(): Promise<void> {
    await this.#errands.settled();
    await this.closed();
    this.#errands.throwFailed(this.#force.size === 0 ? undefined : `: ${[...this.#force.keys()].join(', ')}`, this.#journal.file);
  }

  /** Lets go what it holds. */
  protected closed(): Promise<void> {
    return Promise.resolve();
  }

  #known({ target }: WorldAction): void {
    if (this.#names.includes(target)) return;
    const near = nearest(target, this.#names);
    throw new HarnessError(
      'unknown-target',
      `${this.name}: there is no target ${show(target)}${near === undefined ? '' : `; did you mean '${near}'?`}`,
      `name it in targets; there are ${this.#names.join(', ')}`,
    );
  }

  async #strike(due: Due): Promise<void> {
    if (this.healed.aborted) return;
    this.run.told(due, false);
    this.#dues.add(due);
    for (const action of due.harm) await this.#harm(action);
    // What undoes itself is over at once.
    if (due.undo.length > 0) return;
    this.#dues.delete(due);
    this.run.told(due, true);
  }

  async #over(due: Due): Promise<void> {
    if (!this.#dues.delete(due)) return;
    for (const action of due.undo) await this.#lift(action);
    this.run.told(due, true);
  }

  readonly #harmings = new Map<string, Harming & { readonly action: WorldAction }>();

  async #harm(action: WorldAction): Promise<void> {
    const key = keyOf(action);
    const before = this.#force.get(key);
    if (before !== undefined) return void before.count++;
    const { perform, harm, undo } = await this.deed(action);
    if (undo === undefined) return perform();
    const undone = this.#journal.write({ harm, undo });
    this.#force.set(key, { count: 1, undone });
    this.#harmings.set(key, { harm, undo, action });
    await perform();
    // One that has started anew already needs nobody to do it.
    if (action.do === 'restart') this.#forget(key);
  }

  #forget(key: string): void {
    this.#force.get(key)?.undone();
    this.#force.delete(key);
    this.#harmings.delete(key);
  }

  async #lift(action: WorldAction): Promise<void> {
    const key = keyOf({ ...action, do: UNDOES[action.do] } as WorldAction);
    const inForce = this.#force.get(key);
    if (inForce === undefined || --inForce.count > 0) return;
    await this.undo(action, this.#harmings.get(key)!);
    this.#forget(key);
  }

  /** The latest first; what cannot be undone does not keep the others from it. */
  async #liftAll(): Promise<void> {
    try {
      await allOf([...this.#harmings].toReversed(), async ([key, harming]) => {
        await this.undo(undoing(harming.action), harming);
        this.#forget(key);
      });
    } finally {
      for (const due of this.#dues) this.run.told(due, true);
      this.#dues.clear();
    }
  }
}

/** What undoes an action. */
function undoing(action: WorldAction): WorldAction {
  if (action.do === 'partition') return { ...action, do: 'heal' };
  return { do: action.do === 'pause' ? 'resume' : 'start', target: action.target };
}

function keyOf(action: WorldAction): string {
  return `${action.do} ${action.target}${'way' in action ? ` ${action.way}` : ''}`;
}

/** What runs that were killed have left is undone before anything is harmed anew. */
export async function healBefore(folder: string | undefined): Promise<void> {
  await heal(folder, { ifThere: true });
}
