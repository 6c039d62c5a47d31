/** Random worlds for a watch: sources that tell, fail, dawdle and hang, and several who wait on them, in virtual time. */
import fc from 'fast-check';
import { catalogue, claimFrom, type Judgement } from '../../../src/logic/index.ts';
import { backoff, virtualClock, type Millis, type PaceOption } from '../../../src/time/index.ts';
import { createTrace, type Event, type Trace } from '../../../src/trace/index.ts';
import { subject, watch, type LookContext, type Looked, type Pull, type Push } from '../../../src/watch/index.ts';

/** One look: what it brings, and after how long; a look that hangs brings nothing, ever. */
interface Step {
  readonly brings: Brought;
  /** Undefined: at once, without a promise. */
  readonly after: Millis | 'hangs' | undefined;
  /** What it records before it comes back. */
  readonly records: Event | undefined;
  /** It ends the first wait by itself. */
  readonly aborts: boolean;
}

type Brought =
  | { readonly event: Event }
  | { readonly thrown: unknown }
  | { readonly nothing: true }
  | { readonly done: true }
  | { readonly wish: Millis };

interface Script {
  readonly steps: readonly Step[];
  /** Stops working when its signal says so. */
  readonly heeds: boolean;
}

interface Asked {
  readonly claim: { readonly claim: string; readonly args: unknown };
  readonly within: Millis;
  readonly pace: PaceOption | undefined;
  readonly begins: Millis;
  readonly aborts: Millis | undefined;
}

export interface WorldPlan {
  readonly pulls: readonly Script[];
  /** With the name of whom it is about, where the channel tells of others too. */
  readonly push: readonly { readonly at: Millis; readonly event: Event; readonly key?: string | undefined }[] | undefined;
  /** It is of one operation, which is known to be this one from these moments on: by its trace, by its id, by another name. */
  readonly links?: readonly { readonly at: Millis; readonly source: string; readonly operation: string }[] | undefined;
  readonly pushEnds: Millis | undefined;
  readonly waits: readonly Asked[];
  readonly maxObservations: number | undefined;
}

const STATES = ['queued', 'running', 'succeeded', 'failed'] as const;
const ENDINGS = { succeeded: 'success', failed: 'failure' } as const;

const told: fc.Arbitrary<Event> = fc.oneof(
  // Pending states oftener than endings, so that the waits last.
  fc
    .constantFrom(...STATES.slice(0, 2), ...STATES)
    .map((state) => ({ kind: 'state' as const, state, ...(state in ENDINGS ? { ending: ENDINGS[state as 'failed'] } : {}) })),
  fc.nat(3).map((value) => ({ kind: 'value' as const, value })),
  fc.constantFrom('1', '2').map((id) => ({ kind: 'message' as const, id, type: 'done' })),
);
const brings: fc.Arbitrary<Brought> = fc.oneof(
  { weight: 6, arbitrary: told.map((event) => ({ event })) },
  { weight: 4, arbitrary: fc.constant({ nothing: true as const }) },
  { weight: 3, arbitrary: fc.constantFrom(undefined, null, '', 'text', new Error('busy')).map((thrown) => ({ thrown })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 200 }).map((wish) => ({ wish })) },
  { weight: 1, arbitrary: fc.constant({ done: true as const }) },
);
const step: fc.Arbitrary<Step> = fc.record({
  brings,
  after: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 5, arbitrary: fc.nat(40) },
    { weight: 1, arbitrary: fc.integer({ min: 40, max: 400 }) },
    { weight: 1, arbitrary: fc.constant('hangs' as const) },
  ),
  records: fc.option(fc.oneof(told, fc.constant({ kind: 'note' as const, text: 'asked' })), { nil: undefined, freq: 1 }),
  aborts: fc.nat(40).map((n) => n === 40),
});
const DOWN: Step = { brings: { thrown: new Error('down') }, after: undefined, records: undefined, aborts: false };
const script: fc.Arbitrary<Script> = fc.record({
  steps: fc.oneof(
    { weight: 5, arbitrary: fc.array(step, { minLength: 1, maxLength: 6 }) },
    // Failing and nothing else.
    { weight: 1, arbitrary: fc.constant([DOWN]) },
  ),
  heeds: fc.boolean(),
});

const MEMBERS = [...catalogue()].flatMap(([name, { definition }]) =>
  definition.samples.map((args) => ({ claim: name, args: (args ?? {}) as unknown })),
);
const claim = fc.oneof(
  fc.constantFrom(...MEMBERS),
  fc.constantFrom(...STATES).map((state) => ({ claim: 'reach', args: { state } })),
  fc
    .record({ state: fc.constantFrom(...STATES), for: fc.nat(80) })
    .chain((args) => fc.constantFrom('stay', 'neverReach').map((name) => ({ claim: name, args }))),
  fc.integer({ min: 0, max: 100 }).map((within) => ({
    claim: 'formula',
    args: {
      formula: { op: 'until', first: { op: 'true' }, then: { op: 'is', where: { kind: 'state', state: 'running' } }, within },
    },
  })),
);
const pace: fc.Arbitrary<PaceOption | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: 3, max: 60 }),
  fc.constantFrom(backoff({ from: 2, factor: 2, to: 40 }), '250ms' as const),
);
/** Short waits, and some that are long enough for the whole grace. */
const patience = fc.oneof(
  { weight: 4, arbitrary: fc.record({ within: fc.nat(120), pace }) },
  {
    weight: 1,
    arbitrary: fc.record({ within: fc.integer({ min: 900, max: 1200 }), pace: fc.integer({ min: 60, max: 1000 }) }),
  },
);

export const plans: fc.Arbitrary<WorldPlan> = fc.record({
  pulls: fc.array(script, { minLength: 1, maxLength: 2 }),
  push: fc.option(fc.array(fc.record({ at: fc.nat(150), event: told }), { maxLength: 4 }), { nil: undefined, freq: 2 }),
  pushEnds: fc.option(fc.nat(120), { nil: undefined }),
  waits: fc.array(
    fc
      .record({
        claim,
        begins: fc.oneof(fc.constant(0), fc.nat(150)),
        aborts: fc.option(fc.nat(150), { nil: undefined, freq: 5 }),
        patience,
      })
      .map(({ patience: { within, pace: every }, ...rest }) => ({ ...rest, within, pace: every })),
    { minLength: 1, maxLength: 3 },
  ),
  maxObservations: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 6 }),
});

/** What some claims test, and these claims. */
const tested: fc.Arbitrary<Event> = fc
  .record({ value: fc.constantFrom(2, 12, { rows: [1, 2], note: null }, { rows: [1] }, { rows: [] }), final: fc.nat(3) })
  .map(({ value, final }) =>
    final === 0 ? { kind: 'state', state: 'succeeded', ending: 'success', result: value } : { kind: 'value', value },
  );
const testing = fc.constantFrom(...MEMBERS.filter((member) => claimFrom(member).test !== undefined));

/** Worlds of one operation, on a channel that tells of others too, and tells it before anybody knows whose it is. */
export const shared: fc.Arbitrary<WorldPlan> = fc
  .record({
    plan: plans,
    push: fc.array(
      fc.record({
        at: fc.nat(150),
        event: fc.oneof({ weight: 2, arbitrary: told }, { weight: 1, arbitrary: tested }),
        key: fc.constantFrom(undefined, 'op', 'order', 'trace', 'other'),
      }),
      { maxLength: 8 },
    ),
    links: fc.array(
      fc.record({
        at: fc.nat(150),
        source: fc.constantFrom('start', 'start', 'traceparent'),
        operation: fc.constantFrom('op', 'order', 'trace'),
      }),
      { maxLength: 4 },
    ),
    first: fc.oneof(claim, testing),
  })
  .map(({ plan, push, links, first }) => ({
    ...plan,
    push,
    links,
    waits: plan.waits.map((asked, i) => (i === 0 ? { ...asked, claim: first } : asked)),
  }));

/** Worlds in which nearly every look is under way at the deadline, and the one after it dawdles as well. */
export const dawdling: fc.Arbitrary<WorldPlan> = fc
  .record({
    plan: plans,
    afters: fc.array(fc.integer({ min: 100, max: 400 }), { minLength: 1, maxLength: 12 }),
    within: fc.integer({ min: 900, max: 1200 }),
    pace: fc.integer({ min: 3, max: 200 }),
  })
  .map(({ plan, afters, within, pace: every }) => ({
    ...plan,
    maxObservations: undefined,
    pulls: plan.pulls.map(({ heeds }) => ({
      heeds,
      steps: afters.map((after): Step => ({ brings: { nothing: true }, after, records: undefined, aborts: false })),
    })),
    waits: plan.waits.map((asked) => ({ ...asked, within, pace: every, aborts: undefined })),
  }));

export interface Lived {
  readonly trace: Trace;
  /** In the order of the waits. */
  readonly judgements: readonly Judgement[];
  /** How long each wait took, how long it was to take at most, without the grace, and how many looks came back meanwhile. */
  readonly took: readonly { readonly spent: Millis; readonly most: Millis; readonly looks: number; readonly fromNow: boolean }[];
  /** How many looks were taken too early for the server, while nobody waited who had asked for a pace. */
  readonly impolite: number;
  /** How much was brought by looks and pushes in all. */
  readonly brought: number;
  /** How many looks of one source were under way at once, at most, of those that were not abandoned. */
  readonly mostAtOnce: number;
  /** What waited on the clock when all had settled, besides looks that do not heed their signal. */
  readonly pendingAfter: number;
  /** How many observations there were then, and much later. */
  readonly seen: { readonly then: number; readonly later: number };
  /** How many looks were begun then, and much later. */
  readonly looks: { readonly then: number; readonly later: number };
}

/** Lives a plan to its end, and much longer. */
export async function live(plan: WorldPlan): Promise<Lived> {
  const clock = virtualClock();
  const scope = plan.links === undefined ? undefined : 'operation';
  const trace = createTrace({ clock, seed: 'law', maxObservations: plan.maxObservations, scope });
  let mostAtOnce = 0;
  let looks = 0;
  let impolite = 0;
  /** Looks that came back, and what was pushed. */
  let brought = 0;
  /** The waits that are not over. */
  const waiting = new Set<Asked>();
  const controllers = plan.waits.map(() => new AbortController());
  /** Sleeps of looks that go on though nobody waits. */
  let deaf = 0;

  const pull = ({ steps, heeds }: Script, index: number): Pull => {
    let under = 0;
    let nth = 0;
    let wish = Number.NEGATIVE_INFINITY;
    const answer = ({ brings: what }: Step, abandoned: boolean): Looked => {
      brought++;
      if (!abandoned) wish = 'wish' in what ? clock.now() + what.wish : Number.NEGATIVE_INFINITY;
      if ('thrown' in what) throw what.thrown;
      if ('event' in what) return { events: [what.event] };
      if ('wish' in what) return { events: [{ kind: 'state', state: 'running' }], notBefore: wish };
      return { events: [], done: 'done' in what };
    };
    const dawdle = async (one: Step, { signal }: LookContext): Promise<Looked> => {
      // A look that is abandoned already, as by what it did itself, counts for nobody.
      if (!signal.aborted) mostAtOnce = Math.max(mostAtOnce, ++under);
      const leave = (): void => void under--;
      signal.addEventListener('abort', leave, { once: true });
      try {
        if (one.after === 'hangs') await new Promise(() => undefined);
        if (heeds) await clock.sleep(one.after as Millis, signal);
        else {
          deaf++;
          await clock.sleep(one.after as Millis);
          deaf--;
        }
        return answer(one, signal.aborted);
      } finally {
        signal.removeEventListener('abort', leave);
        if (!signal.aborted) leave();
      }
    };
    return {
      name: `pull ${index}`,
      look(context) {
        looks++;
        const one = steps[Math.min(nth++, steps.length - 1)]!;
        // Moments within half a millisecond are one round.
        // The last look is taken all the same: nothing that wishes here has failed.
        if (!context.last && clock.now() < wish - 0.5 && [...waiting].every(({ pace: every }) => every === undefined)) impolite++;
        if (one.records !== undefined) {
          brought++;
          context.record(one.records);
        }
        if (one.aborts) controllers[0]?.abort();
        if (one.after === undefined && under > 0) mostAtOnce = Math.max(mostAtOnce, under + 1);
        return one.after === undefined ? answer(one, false) : dawdle(one, context);
      },
    };
  };

  const cancels: (() => void)[] = [];
  const push: Push = {
    name: 'push',
    async open(context) {
      for (const { at, event, key } of plan.push!)
        cancels.push(
          clock.after(at, () => {
            brought++;
            context.record(event, key === undefined ? undefined : [key]);
          }),
        );
      for (const { at, source, operation } of plan.links ?? [])
        cancels.push(clock.after(at, () => trace.link(source, operation, [])));
      let resolve!: () => void;
      const done = new Promise<void>((settle) => (resolve = settle));
      if (plan.pushEnds !== undefined) cancels.push(clock.after(plan.pushEnds, resolve));
      return { done, [Symbol.asyncDispose]: async () => resolve() };
    },
  };

  const watched = subject([...plan.pulls.map(pull), ...(plan.push === undefined ? [] : [push])], { clock, trace });
  const took: Lived['took'][number][] = [];
  const judgements = await clock.run(() =>
    Promise.all(
      plan.waits.map(async (asked, i) => {
        const { claim: record, within, pace: every, begins, aborts } = asked;
        await clock.sleep(begins);
        const controller = controllers[i]!;
        if (aborts !== undefined) cancels.push(clock.after(aborts, () => controller.abort()));
        const claimed = claimFrom(record);
        const start = clock.now();
        const before = brought;
        waiting.add(asked);
        const judgement = await watch(watched, claimed, { within, pace: every, signal: controller.signal });
        const most = claimed.fromNow === true ? (record.args as { for: Millis }).for : within;
        waiting.delete(asked);
        took[i] = { spent: clock.now() - start, most, looks: brought - before, fromNow: claimed.fromNow === true };
        return judgement;
      }),
    ),
  );
  const broughtThen = brought;
  for (const cancel of cancels) cancel();
  const pendingAfter = clock.pending.count - deaf;
  const then = { seen: trace.observations.length, looks };
  await clock.advance(60_000);
  return {
    trace,
    judgements,
    took,
    mostAtOnce,
    impolite,
    brought: broughtThen,
    pendingAfter,
    seen: { then: then.seen, later: trace.observations.length },
    looks: { then: then.looks, later: looks },
  };
}
