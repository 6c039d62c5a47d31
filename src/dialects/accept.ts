import { HarnessError, show } from '../errors.ts';
import { addressIn, nameOf, resolved, statusLine, type Answer } from '../probes/exchange.ts';
import { meaningIn, wordIn, type StateWords } from '../trace/told.ts';
import { redactUrl } from '../trace/redact.ts';
import type { Dialect, Fit } from './dialect.ts';
import * as dialects from './index.ts';
import {
  chooseReading,
  errorIn,
  READING_NAMES,
  readAs,
  seeOther,
  successBy,
  type ReadingName,
  type StateEvent,
} from './readings.ts';

/** What the answer to a start means. */
export type Accepted =
  /** The provider took it and names a monitor. */
  | { readonly kind: 'monitor'; readonly dialect: Dialect; readonly url: string; readonly event: StateEvent | undefined }
  /** It ended at once: a synchronous answer, or a refusal. */
  | {
      readonly kind: 'ended';
      readonly dialect: 'sync';
      readonly event: StateEvent;
      /** The operation's id, where its dialect tells it elsewhere than in the usual members. */
      readonly id?: string;
    };

/** All dialects by name. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  Object.values<Dialect>(dialects).map((dialect) => [dialect.name, dialect]),
);

/** The names of the dialects, and `sync` for an answer that is the result already. */
export type DialectName = (typeof dialects)[keyof typeof dialects]['name'] | 'sync';

/** The names that the option `dialect` takes; `sync` says that the answer is already the result. */
export const DIALECT_NAMES: readonly string[] = [...DIALECTS.keys(), 'sync'];

/** What the caller says about how answers are to be read. */
export interface Reader {
  /** The dialect that the caller decided on, where several fit. */
  readonly chosen: string | undefined;
  readonly words: StateWords;
  /** How the caller wants bodies read, where several readings fit. */
  readonly reading?: ReadingName | undefined;
  /** What the request preferred (RFC 7240), where it is known. */
  readonly prefer?: string | undefined;
}

/** To be answered later or, if it is done by then, at once. */
const PREFERS = /(?:^|,)\s*(?:respond-async\s*(?:,|;|$)|wait\s*=)/i;

/** A dialect that an answer fits, and where it then leads. */
interface Candidate {
  readonly dialect: Dialect;
  readonly fit: Fit;
  /** The monitor's address, or what stands there, where that is none. */
  readonly at: string | undefined;
  /** Undefined where it is no URL. */
  readonly url: string | undefined;
}

/**
 * Reads the answer to a start: refused, ended at once, or accepted with a monitor to follow.
 *
 * @param answer the answer to the request that starts the operation
 * @throws HarnessError `ambiguous-acceptance` when several dialects fit and disagree, `ambiguous-reading` when a synchronous
 * answer can be read in two ways, `nothing-to-follow` when work goes on and no monitor is named, `start-redirected`,
 * `dialect-mismatch`
 */
export function readAcceptance(answer: Answer, { chosen, words, reading, prefer }: Reader): Accepted {
  const word = wordIn(answer.json, words.field)?.word;
  const meaning = word === undefined ? undefined : meaningIn(word, words.states);
  const told: StateEvent | undefined =
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

  const ended = (event: StateEvent): Accepted => ({ kind: 'ended', dialect: 'sync', event });
  const elsewhere = answer.status === 303 ? seeOther(answer) : undefined;
  const succeeded = (): Accepted => ended(elsewhere ?? successBy(answer));
  const follow = ({ dialect, fit, at, url }: Candidate): Accepted => {
    if (at === undefined) {
      const id = dialect.id?.(answer);
      const accepted = fit.state?.ending === undefined ? succeeded() : ended(fit.state);
      return id === undefined || accepted.kind === 'monitor' ? accepted : { ...accepted, id };
    }
    if (url === undefined) throw badMonitor(answer, at);
    // What ended before it was accepted is told by the monitor too; only "still at work" is news here.
    return { kind: 'monitor', dialect, url, event: fit.state ?? (told?.ending === undefined ? told : undefined) };
  };

  if (chosen === 'sync') return succeeded();
  if (answer.status >= 300 && elsewhere === undefined) throw redirected(answer);
  const fits = fitting(answer);
  if (chosen !== undefined) {
    const candidate = fits.find(({ dialect }) => dialect.name === chosen);
    if (candidate !== undefined) return follow(candidate);
    // Whoever prefers to be answered later, or to wait a while for the end, may be answered at once (RFC 7240 §4.1, §4.3).
    const mayWait = DIALECTS.get(chosen)?.prefer ?? prefer ?? answer.headers.get('preference-applied') ?? '';
    if (PREFERS.test(mayWait) && answer.status !== 202 && meaning !== 'pending') return succeeded();
    throw mismatch(answer, chosen, fits);
  }

  const recognised = recognise(answer, fits);
  if (recognised !== undefined) return follow(recognised);
  if (answer.status === 201 && addressIn(answer, 'location') !== undefined) throw created(answer, fits);
  if (answer.status === 202 || (meaning === 'pending' && reading !== 'status-code')) throw nothingToFollow(answer, word, fits);
  if (told?.ending === undefined || told.ending === 'success') return succeeded();
  // Done, says the status code, and the body says that it came to nothing.
  const event =
    reading === undefined ? chooseReading(answer, READING_NAMES, undefined, words).event : readAs(reading, answer, words);
  return event?.kind === 'state' ? ended(event) : succeeded();
}

function fitting(answer: Answer): readonly Candidate[] {
  return [...DIALECTS.values()].flatMap((dialect) => {
    const fit = dialect.accepts(answer);
    if (fit === undefined) return [];
    const url = fit.monitor === undefined ? undefined : resolved(fit.monitor, answer.url);
    return [{ dialect, fit, at: url ?? fit.monitor, url }];
  });
}

/**
 * The dialect that an answer speaks, beyond doubt; undefined where it speaks none, or only such as the caller must choose.
 *
 * One that nothing else is like goes before those that are alike. But whatever one names as its monitor, every other must have
 * the same monitor, or another meaning for that address.
 *
 * @throws HarnessError `ambiguous-acceptance`
 */
function recognise(answer: Answer, fits: readonly Candidate[]): Candidate | undefined {
  const usable = fits.filter(({ fit }) => fit.sign !== 'chosen');
  const own = usable.filter(({ fit }) => fit.sign === 'own');
  const best = own.length > 0 ? own : usable;
  const [first] = best;
  if (first === undefined) return undefined;
  const known = best.flatMap(({ at, fit }) => [
    at,
    fit.other === undefined ? undefined : (resolved(fit.other, answer.url) ?? fit.other),
  ]);
  const rivals = usable.filter((one) => one.at !== first.at && (best.includes(one) || !known.includes(one.at)));
  if (rivals.length > 0) {
    const named = usable.filter((one) => best.includes(one) || rivals.includes(one));
    throw disagreeing(answer, named, own.length > 0 ? own : named);
  }
  if (best.length === 1) return first;
  // At one address, where nothing tells who speaks: the one whose reading waits for the first look refuses what it cannot tell.
  const open = own.length > 0 ? undefined : best.find(({ dialect }) => dialect.read === 'first-answer');
  if (open !== undefined) return open;
  throw alike(answer, best);
}

function disagreeing(answer: Answer, named: readonly Candidate[], likely: readonly Candidate[]): HarnessError {
  const addresses = new Set(named.map(({ at }) => at));
  return new HarnessError(
    'ambiguous-acceptance',
    `${nameOf(answer)} answered ${statusLine(answer)} and names ${addresses.size} monitors that disagree:\n${candidates(named.map(({ dialect, at }) => [dialect.name, `${dialect.says}${at === undefined ? '' : `: ${redactUrl(at)}`}`]))}`,
    `say which tells the state, as in operation(start, { dialect: '${likely.at(-1)!.dialect.name}' })`,
  );
}

function alike(answer: Answer, best: readonly Candidate[]): HarnessError {
  const at = best[0]!.at;
  const names = best.map(({ dialect }) => `{ dialect: '${dialect.name}' }`);
  return new HarnessError(
    'ambiguous-acceptance',
    `${nameOf(answer)} answered ${statusLine(answer)}${at === undefined ? '' : ` with the monitor ${redactUrl(at)}`}, which can be read in ${counting(best.length)} ways:\n${candidates(best.map(({ dialect, fit }) => [dialect.name, fit.means ?? dialect.says]))}`,
    `say which with operation(start, ${names[0]!}) or ${either(names.slice(1))}`,
  );
}

function created(answer: Answer, fits: readonly Candidate[]): HarnessError {
  const location = addressIn(answer, 'location')!;
  const ways = fits.filter(({ fit }) => fit.means !== undefined);
  const names = ways.map(({ dialect }) => `{ dialect: '${dialect.name}' }`);
  return new HarnessError(
    'ambiguous-acceptance',
    `${nameOf(answer)} answered ${statusLine(answer)} with Location: ${redactUrl(resolved(location, answer.url) ?? location)}, which can be read in ${counting(ways.length + 1)} ways:\n${candidates(
      [
        ['sync', 'the resource was created, and the operation has ended (RFC 9110 §15.3.2)'],
        ...ways.map(({ dialect, fit }) => [dialect.name, fit.means!] as const),
      ],
    )}`,
    `say which with operation(start, { dialect: 'sync' })${names.length > 1 ? ',' : ' or'} ${either(names)}`,
  );
}

function either(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}

function counting(n: number): string {
  return ['no', 'one', 'two', 'three', 'four'][n] ?? String(n);
}

/** Said as what was answered, what the dialect expects, and which would fit. */
function mismatch(answer: Answer, chosen: string, fits: readonly Candidate[]): HarnessError {
  const dialect = DIALECTS.get(chosen);
  const said = NAMING_FIELDS.filter((name) => answer.headers.has(name));
  const spoken =
    said.length > 0 ? ` with ${said.join(' and ')}` : answer.json === undefined ? '' : ` with the body ${show(answer.json, 120)}`;
  const sure = fits.filter(({ fit }) => fit.sign !== 'chosen');
  const others = (sure.length > 0 ? sure : fits).map(({ dialect: { name } }) => `'${name}'`);
  return new HarnessError(
    'dialect-mismatch',
    `${nameOf(answer)} answered ${statusLine(answer)}${spoken}, which is not an acceptance in the dialect '${chosen}': expected ${dialect?.says ?? chosen}${dialect === undefined ? '' : ` (${dialect.source})`}`,
    others.length === 0
      ? 'leave the option dialect out, or pass { monitor: url }'
      : `it fits ${either(others)}: choose that, or leave the option dialect out`,
  );
}

/** The header fields by which one dialect or another names a monitor. */
const NAMING_FIELDS: readonly string[] = ['Location', 'Content-Location', 'Operation-Location', 'Azure-AsyncOperation', 'Link'];

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

function nothingToFollow(answer: Answer, word: string | undefined, fits: readonly Candidate[]): HarnessError {
  const others = NAMING_FIELDS.filter((name) => (answer.headers.get(name) ?? '') !== '');
  const [way] = fits;
  return new HarnessError(
    'nothing-to-follow',
    `${nameOf(answer)} answered ${statusLine(answer)}${word === undefined ? '' : ` with status ${show(word)}`}, but names nothing to follow: expected Location, Operation-Location, Azure-AsyncOperation or Content-Location, received ` +
      (others.length === 0
        ? `none of them${answer.json === undefined ? '' : `, with the body ${show(answer.json, 120)}`}`
        : `only ${others.map((name) => `${name}: ${show(redactUrl(answer.headers.get(name) ?? ''))}`).join(', ')}`),
    `if you know the monitor, pass operation(start, { monitor: url }); ${way === undefined ? '' : `if ${redactUrl(way.at ?? '')} tells how it goes, { dialect: '${way.dialect.name}' }; `}if this answer is already the result, { dialect: 'sync' }; otherwise the provider must name one (RFC 9110 §15.3.3)`,
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
