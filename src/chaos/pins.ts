import { HarnessError, nearest, show } from '../errors.ts';
import { parsePlan, pinned, type Entry, type Plan } from '../faults/index.ts';

/** What `--only` says for a schedule without any fault. */
export const NO_FAULTS = 'none';

/**
 * The lines of a schedule in words that lead back to it: a fault of the plan by its id, `@N` where it strikes the N-th alone of those
 * that fit it (from 0), and its parameters where they are other ones: `lostResponse POST /orders @2`, `latency ** @0 {"ms":30}`.
 *
 * @param schedule made of the plan by `pinned` and `shrink`
 */
export function pinsOf(plan: Plan, schedule: Plan): readonly string[] {
  if (schedule.entries.length === 0) return [NO_FAULTS];
  return schedule.entries.map((entry) => {
    const origin = originOf(plan, entry);
    if (origin === undefined) return entry.id;
    const args = Object.entries(entry.args).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(origin.args[name]),
    );
    const [nth] = entry.when.nth ?? [];
    return [
      origin.id,
      ...(entry.id === origin.id || nth === undefined ? [] : [`@${nth}`]),
      ...(args.length === 0 ? [] : [JSON.stringify(Object.fromEntries(args))]),
    ].join(' ');
  });
}

/** The line of the plan that this one was made of: names of others may begin with its name. */
function originOf({ entries }: Plan, { id }: Entry): Entry | undefined {
  const all = entries.filter((one) => one.id === id || id.startsWith(`${one.id} @`));
  return all.sort((a, b) => b.id.length - a.id.length)[0];
}

/**
 * The schedule that such lines tell.
 *
 * @throws HarnessError `unknown-pin`, `invalid-pin`
 */
export function onlyPins(plan: Plan, pins: readonly string[]): Plan {
  if (pins.length === 1 && pins[0] === NO_FAULTS) return { ...plan, entries: [] };
  return { ...plan, entries: pins.map((pin) => entryOf(plan, pin.trim())) };
}

function entryOf(plan: Plan, pin: string): Entry {
  const known = plan.entries.toSorted((a, b) => b.id.length - a.id.length);
  for (const entry of known) {
    if (pin === entry.id) return entry;
    if (!pin.startsWith(`${entry.id} `)) continue;
    const [all, nth, args] = /^(?:@(\d{1,9}))? ?(\{.*\})?$/s.exec(pin.slice(entry.id.length + 1)) ?? [];
    if (all === undefined) continue;
    const changed = args === undefined ? entry : withArgs(entry, args, pin);
    if (nth === undefined) return changed;
    const [exact] = pinned({ plan: { ...plan, entries: [] }, strikes: [{ entry: changed, nth: Number(nth), at: 0 }] }).entries;
    return exact!;
  }
  const ids = plan.entries.map(({ id }) => id);
  const near = nearest(pin.replace(/ @\d+.*$/s, ''), ids);
  throw new HarnessError(
    'unknown-pin',
    `there is no fault ${show(pin, 200)} in this scenario${near === undefined ? '' : `; did you mean ${show(near, 200)}?`}`,
    ids.length === 0 ? 'it has no faults' : `there are ${ids.join('; ')}: each also with @N, to strike the N-th alone, from 0`,
  );
}

function withArgs(entry: Entry, text: string, pin: string): Entry {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw invalid(pin, 'its parameters are no JSON');
  }
  const { plan, issues } = parsePlan({
    faults: [{ fault: entry.fault, args: { ...entry.args, ...(given as object) }, when: {}, where: entry.where, id: entry.id }],
  });
  if (plan === undefined) throw invalid(pin, issues.map(({ message }) => message).join('; '));
  return { ...entry, args: plan.entries[0]!.args };
}

function invalid(pin: string, why: string): HarnessError {
  return new HarnessError('invalid-pin', `${show(pin, 200)}: ${why}`, 'write it as it was printed');
}
