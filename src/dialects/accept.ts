import { HarnessError, show } from '../errors.ts';
import { nameOf, statusLine, type Answer } from '../probes/exchange.ts';
import { resolved } from '../probes/httpStatus.ts';
import { meaningOf, redactUrl, type EventOf } from '../trace/index.ts';
import type { Dialect } from './dialect.ts';
import * as dialects from './index.ts';
import { errorIn, wordIn, type BodyWords } from './readings.ts';

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
 * @throws HarnessError `ambiguous-acceptance` when several readings fit and disagree, `nothing-to-follow` when work goes on
 * and no monitor is named, `unknown-dialect`, `dialect-mismatch`
 */
export function readAcceptance(answer: Answer, chosen: string | undefined, words: BodyWords): Accepted {
  const word = wordIn(answer.json, words.field)?.word;
  const meaning = word === undefined ? undefined : (words.states[word] ?? meaningOf(word));
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
  const ended = (): Accepted => ({
    kind: 'ended',
    dialect: 'sync',
    event: { kind: 'state', state: 'succeeded', ending: 'success', ...resultOf(answer) },
  });

  if (chosen === 'sync') return ended();
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
  if (answer.status === 202 || meaning === 'pending') throw nothingToFollow(answer, word);
  return ended();
}

function nothingToFollow(answer: Answer, word: string | undefined): HarnessError {
  const elsewhere = ['content-location', 'link', 'azure-asyncoperation'].filter((name) => answer.headers.has(name));
  return new HarnessError(
    'nothing-to-follow',
    `${nameOf(answer)} answered ${statusLine(answer)}${word === undefined ? '' : ` with status ${show(word)}`}, but names nothing to follow: expected Location or Operation-Location, received ` +
      (elsewhere.length === 0
        ? `neither${answer.json === undefined ? '' : `, with the body ${show(answer.json, 120)}`}`
        : `only ${elsewhere.map((name) => `${name}: ${show(answer.headers.get(name))}`).join(', ')}`),
    "if you know the monitor, pass operation(start, { monitor: url }); if this answer is already the result, { dialect: 'sync' }; otherwise the provider must name one (RFC 9110 §15.3.3)",
  );
}

function badMonitor(answer: Answer, reference: string): HarnessError {
  return new HarnessError(
    'invalid-url',
    `${nameOf(answer)} names the monitor ${show(reference)}, which is not ${answer.url === '' ? 'an absolute URL, and the address it is relative to is not known' : 'a URL'}`,
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
  if (answer.status === 303) return { raw: { location: answer.headers.get('location') } };
  const body = answer.json ?? answer.text;
  return body === undefined ? {} : { raw: body, result: body };
}
