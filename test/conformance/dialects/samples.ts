import type { Dialect, Sample } from '../../../src/dialects/dialect.ts';
import { brokenBody, chooseReading, READING_NAMES } from '../../../src/dialects/readings.ts';
import { resolved, type Answer } from '../../../src/probes/exchange.ts';
import { isTransient } from '../../../src/probes/httpStatus.ts';
import type { EventOf, StateWords } from '../../../src/trace/index.ts';

const NO_WORDS: StateWords = { states: {}, field: undefined };

/** A sample as it is after it was read. */
export function answerOf({ status, headers = {}, body, method }: Sample, isStart: boolean): Answer {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return {
    method: method ?? (isStart ? 'POST' : 'GET'),
    url: isStart ? 'http://api.test/v1/reports' : 'http://api.test/operations/1',
    status,
    statusText: '',
    headers: new Headers(headers),
    text,
    json: typeof body === 'object' ? body : undefined,
  };
}

/** What an answer of the monitor is read as, as the operation does it: what says "not now" is not read unless the dialect says so. */
export function readBy(dialect: Dialect, answer: Answer, acceptance?: Answer): EventOf<'state'> | EventOf<'error'> | undefined {
  if (isTransient(answer.status) && dialect.tells?.(answer) !== true) return undefined;
  const broken = brokenBody(answer);
  if (broken !== undefined) return broken;
  return dialect.read === 'first-answer'
    ? chooseReading(answer, READING_NAMES, acceptance, NO_WORDS).event
    : dialect.read(answer, { words: NO_WORDS, acceptance });
}

/** What a dialect breaks of what every dialect must keep, by its own samples. */
export function breaches(dialect: Dialect): readonly string[] {
  const found: string[] = [];
  const must = (holds: boolean, sample: Sample, what: string): void => {
    if (!holds) found.push(`${what}: ${JSON.stringify(sample)}`);
  };
  const needed = ['accepted', 'pending', 'success', 'failure', 'gone'] as const;
  for (const kind of needed) if (!dialect.samples.some(({ is }) => is === kind)) found.push(`it has no sample that is ${kind}`);
  for (const sample of dialect.samples) {
    const isStart = sample.is === 'accepted' || sample.is === 'ended';
    const answer = answerOf(sample, isStart);
    if (isStart) {
      const fit = dialect.accepts(answer);
      must(JSON.stringify(dialect.accepts(answer)) === JSON.stringify(fit), sample, 'it is not accepted the same twice');
      if (sample.is === 'ended') must(fit?.state?.ending !== undefined, sample, 'it ended at once');
      else must(fit?.monitor !== undefined && resolved(fit.monitor, answer.url) !== undefined, sample, 'it names a monitor');
      continue;
    }
    const event = readBy(dialect, answer);
    must(JSON.stringify(readBy(dialect, answer)) === JSON.stringify(event), sample, 'it is not read the same twice');
    const ending = event?.kind === 'state' ? event.ending : undefined;
    must(dialect.gone(answer) === (sample.is === 'gone'), sample, 'gone is what is said to be gone, and nothing else');
    switch (sample.is) {
      case 'pending':
        must(event?.kind === 'state' && ending === undefined, sample, 'it goes on');
        break;
      case 'gone':
      case 'unreadable':
        must(event?.kind !== 'state', sample, 'it tells no state');
        break;
      default:
        must(ending === (sample.is === 'success' ? 'success' : sample.is), sample, `it is a ${sample.is}`);
        if (sample.is === 'failure') must(event?.kind === 'state' && event.error !== undefined, sample, 'it says why it failed');
    }
  }
  const { method, url } = dialect.cancel('http://api.test/operations/1?key=1');
  if (!/^(DELETE|POST|PATCH|PUT)$/.test(method) || !url.startsWith('http://api.test/operations/1'))
    found.push(`it is cancelled by a request to the monitor or below it: ${method} ${url}`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(dialect.name)) found.push(`its name is in small letters with dashes: ${dialect.name}`);
  for (const text of [dialect.says, dialect.source])
    if (text.length < 8) found.push(`it says how it accepts, and where that is published: ${text}`);
  return found;
}
