import { show } from '../../errors.ts';
import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import { next } from '../db.ts';
import { newest } from '../events.ts';
import { field, readFields } from '../fields.ts';
import { BEGINNING } from '../fold.ts';
import { REPLAY_MS, type ReplayOrder } from '../kinds/replay.ts';
import { keyOf, once, respond } from '../once.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Routes, type World } from '../route.ts';
import { addSnapshot, snapshotOf, snapshots, snapshotUntil, type Snapshot } from '../snapshots.ts';

/** How many snapshots the collection lists. */
const LISTED_SNAPSHOTS = 100;
const ID = /^snp_[0-9a-f]{16}$/;

/** Snapshots of what the log says of a caller, and replays of the log. */
export function snapshotRoutes(world: World): Routes {
  const { clock, db, parts, answers } = world;
  const { json, refuse, conditional } = answers;
  const told = <T extends Omit<Snapshot, 'state'>>({ at, ...rest }: T): object => ({ ...rest, at: timestamp(at) });

  const create = needsCaller(answers, async (request, _asked, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, {}, 'invalid-snapshot', 'a snapshot');
    if (isProblem(given)) return refuse(given);
    const keyed = keyOf(request, parts, user, given);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    // Outside of the transaction: what the log says of its past does not change.
    const n = parts.cutAt(await db.single(newest));
    const base = (await db.single(() => snapshotUntil(user, n))) ?? BEGINNING;
    const state = await parts.stateAt(base, n, user);
    const made = await once(parts, keyed, function* () {
      const nth = yield* next('snapshots');
      const id = `snp_${parts.random.fork(`snp/${nth}`).hex(8)}`;
      const snapshot = yield* addSnapshot(nth, id, user, { n, state }, clock.wall());
      return { status: 201, body: told(snapshot), headers: { location: `/snapshots/${id}` } };
    });
    return respond(answers, made, parts);
  });

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const found = await db.single(() => snapshots(user, LISTED_SNAPSHOTS));
    return json(200, { snapshots: found.map(told) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (request, { id }, { user }) => {
    const found = await db.single(() => snapshotOf(user, id));
    if (found === undefined) return refuse(problem('not-found', `there is no snapshot ${show(id)}`));
    // A snapshot never changes.
    return conditional(request, `"${id}"`, {}, () => told(found));
  });

  const replay = needsCaller(answers, async (request, { signal }, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const last = await db.single(newest);
    const place = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= last;
    const fields = {
      from: field<string | number>(
        `the id of a snapshot, or a place in the log from 0 to ${last}`,
        (value) => (place(value) || (typeof value === 'string' && ID.test(value)) ? value : undefined),
        0,
      ),
      to: field<number | { moment: number } | 'now'>(
        `a place in the log from 0 to ${last}, or a moment of RFC 3339 that has been`,
        (value) => {
          if (typeof value !== 'string') return place(value) ? value : undefined;
          const moment = parts.momentOf(value);
          return moment === undefined || moment > clock.wall() ? undefined : { moment };
        },
        'now',
      ),
    };
    const given = readFields(body.json, fields, 'invalid-replay', 'a replay');
    if (isProblem(given)) return refuse(given);
    const { from, to } = given;
    const snapshot = typeof from === 'string' ? await db.single(() => snapshotOf(user, from)) : undefined;
    if (typeof from === 'string' && snapshot === undefined) return refuse(wrong('from', `there is no snapshot ${show(from)}`));
    const begin = snapshot?.n ?? 0;
    if (typeof to === 'number' && to < begin)
      return refuse(wrong('to', `expected at least ${begin}, where it begins, received ${to}`));
    const order: ReplayOrder = { from, to: to === 'now' ? undefined : to };
    return accept(world, request, signal, { kind: 'replay', order, owner: user }, REPLAY_MS);
  });

  return {
    '/snapshots': { GET: list, POST: create },
    '/snapshots/': { GET: read },
    '/replays': { POST: replay },
  };
}

function wrong(member: string, detail: string): Problem {
  return problem('invalid-replay', 'one member is wrong', [{ pointer: `#/${member}`, detail }]);
}
