import { show } from '../../errors.ts';
import { MAX_TYPES, newest, placeOf, placeSince, tellEvent, type Filter } from '../events.ts';
import { problem, type Problem } from '../problem.ts';
import { faultOf } from '../query.ts';
import { isProblem } from '../report.ts';
import type { Answer, Routes, World } from '../route.ts';
import { asksFor, EVENT_STREAM } from '../sse.ts';

/** The most events that one answer tells, and how many it tells unless asked otherwise. */
const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;
/** The longest type or subject that is asked for. */
const MAX_FILTER = 200;
const PARAMETERS = ['from', 'limit', 'type', 'subject'];

/** `GET /events`: what happened, from a place in the log or a moment on; as a stream also what happens. */
export function eventRoutes(world: World): Routes {
  const { db, parts, answers, feed } = world;
  const { json, refuse } = answers;

  const events: Answer = async (request, { url, signal, caller }) => {
    const asked = readQuery(url);
    if (isProblem(asked)) return refuse(asked);
    const { filter, limit } = asked;
    const user = caller?.user ?? '';
    const from = await placeFor(world, asked.from);
    if (typeof from !== 'number') return refuse(from);
    if (asksFor(request, EVENT_STREAM)) {
      const had = request.headers.get('last-event-id');
      const last = had === null ? undefined : placeOf(had);
      if (had !== null && (last === undefined || last > (await db.single(newest))))
        return refuse(problem('invalid-query', `Last-Event-ID: expected the id of an event, received ${show(had)}`));
      const begin = last === undefined ? from : parts.placeAfter(last);
      return feed.stream((stop) => feed.messages({ from: begin, caller: user, filter }, stop), { signal, caller });
    }
    const end = await db.single(newest);
    // One more, to know whether there is more.
    const found = await db.single(() => parts.eventsFrom(from, user, limit + 1, filter));
    const next = found[limit]?.n ?? Math.max(from, end + 1, (found.at(-1)?.n ?? 0) + 1);
    const page = new URLSearchParams(url.searchParams);
    page.set('from', String(next));
    return json(
      200,
      { events: found.slice(0, limit).map(tellEvent), next },
      {
        'cache-control': 'no-store',
        vary: 'Accept',
        ...(found.length > limit ? { link: `</events?${page.toString()}>; rel="next"` } : {}),
      },
    );
  };

  return { '/events': { GET: events } };
}

/** The place in the log that a text names: a number, the id of an event, a moment, or `now`. */
export async function placeFor(
  { clock, db, parts }: Pick<World, 'clock' | 'db' | 'parts'>,
  from: string,
): Promise<number | Problem> {
  const end = (await db.single(newest)) + 1;
  if (from === 'now') return end;
  const place = /^\d{1,15}$/.test(from) ? Number(from) : placeOf(from);
  if (place !== undefined) {
    if (place >= 1 && place <= end) return place;
    return problem('invalid-query', `from: expected a place in the log from 1 to ${end}, received ${show(from)}`);
  }
  // In a query an unescaped + is a space.
  const moment = parts.momentOf(from.replace(/ (?=\d\d:\d\d$)/, '+'));
  if (moment !== undefined && moment <= clock.wall()) return db.single(() => placeSince(moment));
  return problem(
    'invalid-query',
    `from: expected a number, the id of an event, a moment of RFC 3339 that has been, or now, received ${show(from)}`,
  );
}

function readQuery(url: URL): { from: string; limit: number; filter: Filter } | Problem {
  const { searchParams } = url;
  const fault = faultOf(url, PARAMETERS, ['type']);
  if (fault !== undefined) return fault;
  const types = searchParams.getAll('type');
  if (types.length > MAX_TYPES) return problem('invalid-query', `type: expected at most ${MAX_TYPES}, received ${types.length}`);
  const subject = searchParams.get('subject') ?? undefined;
  const long = [...types, subject ?? ''].find((value) => value.length > MAX_FILTER);
  if (long !== undefined) {
    return problem('invalid-query', `expected types and a subject of at most ${MAX_FILTER} characters, received ${long.length}`);
  }
  const wish = searchParams.get('limit') ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,6}$/.test(wish) ? Number(wish) : 0;
  if (limit < 1 || limit > MAX_LIMIT) {
    return problem('invalid-query', `limit: expected a whole number from 1 to ${MAX_LIMIT}, received ${show(wish)}`);
  }
  return { from: searchParams.get('from') ?? '1', limit, filter: { types, ...(subject === undefined ? {} : { subject }) } };
}
