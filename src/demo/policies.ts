import { HarnessError, nearest, show } from '../errors.ts';
import type { Millis } from '../time/index.ts';
import type { Problem, ProblemName } from './problem.ts';

/** The published ways of dealing with Idempotency-Key. */
export type PolicyName = 'ietf' | 'stripe-v1' | 'stripe-v2' | 'powertools';

/** What a key means, and for how long. */
export interface KeyPolicy {
  /** Where it says so, and what it comes to. */
  readonly says: string;
  /** Whether a key that came so long ago is forgotten; `answered` is false while its request is worked on. */
  readonly isOver: (age: Millis, answered: boolean) => boolean;
  /** How a key is refused that came before with another request. */
  readonly reused: ProblemName;
  /** Whether a refusal is kept, to be given again; without this none is, and its key is free. */
  readonly keeps?: (why: Problem) => boolean;
  /** Whether work that was accepted, and failed, is done again. */
  readonly again: boolean;
  /** The field that tells an answer that was given before. */
  readonly replayed: string;
  /** Whether a request without a key is refused, where one is taken. */
  readonly required: boolean;
}

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;

/** A key is never forgotten while its request is worked on, however long that takes. */
const after =
  (life: Millis): KeyPolicy['isOver'] =>
  (age, answered) =>
    answered && age >= life;

/** What nobody was told: there is no answer to keep. */
const UNTOLD: readonly string[] = ['hung-up', 'closing', 'interrupted'].map((name) => `/problems/${name}`);

/** The policies by name. */
export const POLICIES: Readonly<Record<PolicyName, KeyPolicy>> = {
  ietf: {
    says: 'draft-ietf-httpapi-idempotency-key-header: a day; 409 in flight, 422 for another request; a refusal leaves the key free',
    isOver: after(DAY_MS),
    reused: 'key-reused',
    again: false,
    replayed: 'idempotency-replayed',
    required: false,
  },
  'stripe-v1': {
    says: 'a day; every answer after work began is kept, errors too; 409 in flight, 400 for another request',
    isOver: after(DAY_MS),
    reused: 'key-mismatch',
    keeps: ({ type }) => !UNTOLD.includes(type),
    again: false,
    replayed: 'idempotent-replayed',
    required: false,
  },
  'stripe-v2': {
    says: '30 days; what failed is done again; 409 in flight, 400 for another request',
    isOver: after(30 * DAY_MS),
    reused: 'key-mismatch',
    again: true,
    replayed: 'idempotent-replayed',
    required: false,
  },
  powertools: {
    says: 'an hour; the hash of the request is kept with the key, and an error deletes both; 409 in flight, 400 for another request',
    isOver: after(HOUR_MS),
    reused: 'key-mismatch',
    again: true,
    replayed: 'idempotency-replayed',
    required: false,
  },
};

/** The policy of a name, or a refusal that suggests the nearest. */
export function policyNamed(name: string): KeyPolicy {
  if (Object.hasOwn(POLICIES, name)) return POLICIES[name as PolicyName];
  const names = Object.keys(POLICIES);
  const meant = nearest(name, names);
  throw new HarnessError(
    'unknown-policy',
    `there is no policy ${show(name)} of idempotency keys`,
    meant === undefined ? `the policies are ${names.join(', ')}` : `did you mean ${show(meant)}?`,
  );
}
