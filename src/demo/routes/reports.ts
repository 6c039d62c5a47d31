import { show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { problem } from '../problem.ts';
import { readChoice } from '../query.ts';
import { isProblem, readOrder } from '../report.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';
import type { Naming, StoredReport } from '../store.ts';

/** How many reports the collection lists. */
export const LISTED_REPORTS = 100;

/** Reports, at once or later. */
export function reportRoutes(world: World, nameReport: Naming): Routes {
  const { clock, parts, answers, naps, work, closing, dialect } = world;
  const { json, refuse, conditional } = answers;

  const order: Answer = async (request, { url, signal, caller }) => {
    const mode = readChoice(url, 'mode', ['async', 'sync']);
    if (typeof mode !== 'string') return refuse(mode);
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const wanted = readOrder(body.json, work);
    if (isProblem(wanted)) return refuse(wanted);
    const owner = caller?.user ?? '';
    if (mode === 'sync') {
      if (closing()) return refuse(problem('closing', 'it takes no more orders'));
      const key = `sync/${++calls}`;
      const hangUp = (): void => naps.wake(key);
      signal.addEventListener('abort', hangUp, { once: true });
      if (!signal.aborted) await naps.take(wanted.work, key);
      signal.removeEventListener('abort', hangUp);
      // Nobody is left to tell: nothing is kept.
      signal.throwIfAborted();
      if (closing()) return refuse(problem('closing', 'the report was not finished'));
      const outcome = parts.write(wanted);
      if (isProblem(outcome)) return refuse(outcome);
      const { id, createdAt, report } = await parts.store.addReport(outcome, undefined, clock.wall(), nameReport, owner);
      return json(200, report, { 'content-location': `/reports/${id}`, etag: reportTag(createdAt), 'cache-control': 'no-cache' });
    }
    return accept(world, request, signal, { kind: 'report', order: wanted, owner }, wanted.work);
  };
  let calls = 0;

  const showReport: Answer = async (request, { id, caller }) => {
    const found = await parts.store.report(id);
    if (found === undefined || !parts.maySee(found.owner, caller?.user ?? ''))
      return refuse(problem('not-found', `there is no report ${show(id)}`));
    return conditional(request, reportTag(found.createdAt), {}, () => found.report);
  };

  const listReports: Answer = async (_request, { caller }) => {
    const reports = await parts.store.reports(LISTED_REPORTS, caller?.user);
    return json(200, { reports: reports.map((report) => listed(report, dialect)) }, { 'cache-control': 'no-cache' });
  };

  return {
    '/reports': { GET: listReports, POST: order },
    '/reports/': { GET: showReport },
  };
}

function listed({ id, operation, createdAt, report }: StoredReport, { place }: Dialect): object {
  return {
    url: `/reports/${id}`,
    title: report.title,
    createdAt: timestamp(createdAt),
    ...(operation === undefined ? {} : { operation: `${place}${operation}` }),
  };
}

function reportTag(createdAt: Millis): string {
  return `"${createdAt.toString(36)}"`;
}
