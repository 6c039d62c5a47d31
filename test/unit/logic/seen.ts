/** Observations written short, for tables: each event with its moment, its source, and what it is about. */
import { claimFrom, judge, type Claim, type ClaimContext, type Closing, type Judgement } from '../../../src/logic/index.ts';
import type { Body, Event, Observation, ObservationOf } from '../../../src/trace/index.ts';

export interface Step {
  readonly event: Event;
  readonly at: number;
  readonly source: string;
  readonly keys: readonly string[] | undefined;
}

const step =
  (source: string, event: Event) =>
  (at: number, from: string = source, keys?: readonly string[]): Step => ({ event, at, source: from, keys });

type Told = Omit<ObservationOf<'state'>, 'at' | 'seq' | 'source' | 'keys' | 'kind' | 'state'>;

export const state = (name: string, at = 0, told: Told = {}, source = 'monitor', keys?: readonly string[]): Step =>
  step('monitor', { kind: 'state', state: name, ...told })(at, source, keys);
export const succeeded = (at = 0, result?: unknown, source?: string): Step =>
  state('succeeded', at, { ending: 'success', ...(result === undefined ? {} : { result }) }, source);
export const failed = (at = 0, error?: unknown, source?: string): Step =>
  state('failed', at, { ending: 'failure', ...(error === undefined ? {} : { error }) }, source);
export const value = (seen: unknown, at = 0): Step => step('probe', { kind: 'value', value: seen })(at);
export const error = (at = 0): Step => step('monitor', { kind: 'error', message: 'down' })(at);
export const tick = (at: number, looks?: number, largestGap = 0): Step =>
  step('monitor', looks === undefined ? { kind: 'tick' } : { kind: 'tick', looks, largestGap })(at);
export const note = (at = 0): Step => step('monitor', { kind: 'note', text: 'by the way' })(at);
export const message = (id: string | undefined, at = 0, data: unknown = {}, keys?: readonly string[]): Step =>
  step('inbox', { kind: 'message', ...(id === undefined ? {} : { id }), type: 'done', data })(at, 'inbox', keys);
export const request = (exchange: string, at: number, url: string, method = 'GET'): Step =>
  step('client', { kind: 'request', exchange, method, url, headers: [] })(at);
export const response = (
  exchange: string,
  at: number,
  headers: Record<string, string> = {},
  rest: { status?: number; body?: Body } = {},
): Step =>
  step('client', {
    kind: 'response',
    exchange,
    status: rest.status ?? 200,
    headers: Object.entries(headers),
    ...(rest.body === undefined ? {} : { body: rest.body }),
  })(at);
export const lost = (exchange: string, at: number): Step =>
  step('client', { kind: 'no-response', exchange, reason: 'reset' })(at);

export function observed(steps: readonly Step[]): Observation[] {
  return steps.map(({ event, at, source, keys }, seq): Observation => ({
    at,
    seq,
    source,
    ...(keys === undefined ? {} : { keys }),
    ...event,
  }));
}

export const deadline = (at: number): Closing => ({ by: 'deadline', at, within: at });

/** What tables compare: the verdict with who decided, why, and by which observations. */
export interface Short {
  readonly verdict: Judgement['verdict'];
  readonly by: Judgement['decidedBy'];
  readonly code: string;
  readonly evidence: readonly number[];
}

export const short = ({ verdict, decidedBy, reason, evidence }: Judgement): Short => ({
  verdict,
  by: decidedBy,
  code: reason.code,
  evidence: evidence.map(({ seq }) => seq),
});

/** Judges a claim twice, as given and from its plain form: both must say the same. */
export function judged(
  claim: Claim,
  steps: readonly Step[],
  options: { context?: ClaimContext; closing?: Closing } = {},
): Judgement {
  const observations = observed(steps);
  const judgement = judge(claim, observations, options);
  const again = judge(claimFrom({ claim: claim.name, args: claim.args }), observations, options);
  if (JSON.stringify(again) !== JSON.stringify(judgement)) throw new Error(`judged otherwise: ${JSON.stringify(again)}`);
  return judgement;
}

/** The error of a mistake, with its code and hint. */
export function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('expected a refusal');
}

/** The same on one line: `violated by observation: twice [0,1]`. */
export const brief = (judgement: Judgement): string =>
  `${judgement.verdict} by ${judgement.decidedBy}: ${judgement.reason.code} [${judgement.evidence.map(({ seq }) => seq).join()}]`;

/** The end of all that can be seen, and a deadline while a source listened. */
export const end = (at: number): Closing => ({ by: 'end', at });
export const listening = (at: number): Closing => ({ by: 'deadline', at, within: at, listening: 1 });

/** The first words that the claim itself has for its judgement, and the others. */
export const told = (claim: Claim, judgement: Judgement): string =>
  [claim.tell?.(judgement)?.but, ...(claim.tell?.(judgement)?.nearest ?? [])].join('\n');
