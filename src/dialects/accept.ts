import { HarnessError, show } from '../errors.ts';
import { addressIn, bodyOf, nameOf, resolved, statusLine, type Answer } from '../probes/exchange.ts';
import { meaningIn, redactUrl, wordIn, type EventOf, type StateWords } from '../trace/index.ts';
import type { Dialect } from './dialect.ts';
import * as dialects from './index.ts';
import { chooseReading, errorIn, readAs, seeOther, type ReadingName } from './readings.ts';

/** What the answer to a start means. */
export type Accepted =
  /** The provider took it and names a monitor. */
  | { readonly kind: 'monitor'; readonly dialect: Dialect; readonly url: string; readonly event: EventOf<'state'> | undefined }
  /** It ended at once: a synchronous answer, or a refusal. */
  | { readonly kind: 'ended'; readonly dialect: 'sync'; readonly event: EventOf<'state'> };

/** All dialects by name. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map(Object.values(dialects).map((dialect) => [dialect.name, dialect]));

/** The names that the option `dialect` takes; `sync` says that the answer is already the result. */
export const DIALECT_NAMES: readonly string[] = [...DIALECTS.keys(), 'sync'];

/**
 * Reads the answer to a start: refused, ended at once, or accepted with a monitor to follow.
 *
 * @param answer the answer to the request that starts the operation
 * @param chosen the dialect the caller decided on, where several fit
 * @param reading how the caller wants bodies read, where several readings fit
 * @throws HarnessError `ambiguous-acceptance` when several dialects fit and disagree, `ambiguous-reading` when a synchronous
 * answer can be read in two ways, `nothing-to-follow` when work goes on and no monitor is named, `start-redirected`,
 * `dialect-mismatch`
 */
export function readAcceptance(answer: Answer, chosen: string | undefined, words: StateWords, reading?: ReadingName): Accepted {
  const word = wordIn(answer.json, words.field)?.word;
  const meaning = word === undefined ? undefined : meaningIn(word, words.states);
  const told: EventOf<'state'> | undefined =
    word === undefined || meaning === undefined
      ? undefined
      : { kind: 'state', state: word, raw: answer.json, ...(meaning === 'pending' ? {} : { ending: meaning }) };

  if (answer.status >= 400 || answer.status < 200) {
    return {
      kind: 'ended',
      dialect: 'sync',
      event: { kind: 'state', state: 'rejected', ending: 'failure', raw: { status: answer.status }, error: errorIn(answer) },
    };
  }

  const named = [...DIALECTS.values()].flatMap((dialect) => {
    const reference = dialect.monitor(answer);
    return reference === undefined ? [] : [{ dialect, reference, url: resolved(reference, answer.url) }];
  });
  const follow = (candidate: (typeof named)[number]): Accepted => {
    if (candidate.url === undefined) throw badMonitor(answer, candidate.reference);
    // What ended before it was accepted is told by the monitor too; only "still at work" is news here.
    return {
      kind: 'monitor',
      dialect: candidate.dialect,
      url: candidate.url,
      event: told?.ending === undefined ? told : undefined,
    };
  };
  const ended = (event: EventOf<'state'>): Accepted => ({ kind: 'ended', dialect: 'sync', event });
  const elsewhere = answer.status === 303 ? seeOther(answer) : undefined;
  const succeeded = (): Accepted =>
    ended(elsewhere ?? { kind: 'state', state: 'succeeded', ending: 'success', ...resultOf(answer) });

  if (chosen === 'sync') return succeeded();
  if (answer.status >= 300 && elsewhere === undefined) throw redirected(answer);
  if (chosen !== undefined) {
    const candidate = named.find(({ dialect }) => dialect.name === chosen);
    if (candidate === undefined) {
      throw new HarnessError(
        'dialect-mismatch',
        `${nameOf(answer)} answered ${statusLine(answer)}, which is not an acceptance in the dialect '${chosen}' (${DIALECTS.get(chosen)?.says ?? chosen})`,
        named.length === 0
          ? 'leave the option dialect out, or pass { monitor: url }'
          : `it fits ${named.map(({ dialect }) => `'${dialect.name}'`).join(' and ')}`,
      );
    }
    return follow(candidate);
  }

  const monitors = named.filter(({ dialect }) => answer.status !== 201 || dialect !== dialects.location);
  const addresses = new Set(monitors.map(({ url, reference }) => url ?? reference));
  if (addresses.size > 1) {
    throw new HarnessError(
      'ambiguous-acceptance',
      `${nameOf(answer)} answered ${statusLine(answer)} and names ${addresses.size} monitors that disagree:\n${candidates(monitors.map(({ dialect, url, reference }) => [dialect.name, `${dialect.says}: ${redactUrl(url ?? reference)}`]))}`,
      `say which tells the state, as in operation(start, { dialect: '${monitors.at(-1)!.dialect.name}' })`,
    );
  }
  if (monitors[0] !== undefined) return follow(monitors.at(-1)!);
  if (answer.status === 201 && named[0] !== undefined) {
    const at = redactUrl(named[0].url ?? named[0].reference);
    throw new HarnessError(
      'ambiguous-acceptance',
      `${nameOf(answer)} answered ${statusLine(answer)} with Location: ${at}, which can be read in two ways:\n${candidates([
        ['sync', 'the resource was created, and the operation has ended (RFC 9110 §15.3.2)'],
        ['location', 'Location is the monitor of a job that was created (OGC API Processes, Zalando rule 253)'],
      ])}`,
      "say which with operation(start, { dialect: 'sync' }) or { dialect: 'location' }",
    );
  }
  if (answer.status === 202 || (meaning === 'pending' && reading !== 'status-code')) throw nothingToFollow(answer, word);
  if (told?.ending === undefined || told.ending === 'success') return succeeded();
  // Done, says the status code, and the body says that it came to nothing.
  const event =
    reading === undefined
      ? chooseReading(answer, ['body-status', 'status-code'], undefined, words).event
      : readAs(reading, answer, words);
  return event === undefined ? succeeded() : ended(event);
}

function redirected(answer: Answer): HarnessError {
  const to = addressIn(answer, 'location');
  return new HarnessError(
    'start-redirected',
    `${nameOf(answer)} answered ${statusLine(answer)}${to === undefined ? '' : `, with Location: ${redactUrl(to)}`}: expected an answer to the start itself, and a start is not sent a second time`,
    to === undefined
      ? 'a start is answered with 2xx when it is taken, or with 4xx or 5xx when it is refused'
      : `if that is the right address, start it there: operation({ url: ${show(redactUrl(resolved(to, answer.url) ?? to), 200)}, … })`,
  );
}

function nothingToFollow(answer: Answer, word: string | undefined): HarnessError {
  const others = ['content-location', 'link', 'azure-asyncoperation'].filter((name) => answer.headers.has(name));
  return new HarnessError(
    'nothing-to-follow',
    `${nameOf(answer)} answered ${statusLine(answer)}${word === undefined ? '' : ` with status ${show(word)}`}, but names nothing to follow: expected Location or Operation-Location, received ` +
      (others.length === 0
        ? `neither${answer.json === undefined ? '' : `, with the body ${show(answer.json, 120)}`}`
        : `only ${others.map((name) => `${name}: ${show(redactUrl(answer.headers.get(name) ?? ''))}`).join(', ')}`),
    "if you know the monitor, pass operation(start, { monitor: url }); if this answer is already the result, { dialect: 'sync' }; otherwise the provider must name one (RFC 9110 §15.3.3)",
  );
}

function badMonitor(answer: Answer, reference: string): HarnessError {
  return new HarnessError(
    'invalid-url',
    `${nameOf(answer)} names the monitor ${show(redactUrl(reference))}, which is not ${answer.url === '' ? 'an absolute URL, and the address it is relative to is not known' : 'a URL'}`,
    answer.url === ''
      ? "pass the address of the start: operation(start, { base: 'http://127.0.0.1:8080/reports' })"
      : 'the provider must send a URI reference (RFC 9110 §10.2.2); meanwhile pass { monitor: url }',
  );
}

function candidates(rows: readonly (readonly [dialect: string, says: string])[]): string {
  const width = Math.max(...rows.map(([dialect]) => dialect.length));
  return rows.map(([dialect, says]) => `    { dialect: '${dialect}' }${' '.repeat(width - dialect.length)}  ${says}`).join('\n');
}

function resultOf(answer: Answer): { raw?: unknown; result?: unknown } {
  const body = bodyOf(answer);
  return body === undefined ? {} : { raw: body, result: body };
}
