import type { KeyObject } from 'node:crypto';
import { HarnessError, show } from '../errors.ts';
import type { EpochMillis, Millis } from '../time/index.ts';

/**
 * How webhooks are signed: `standard` is Standard Webhooks 1.0.0 (`v1` with a `whsec_` secret, `v1a` with a `whpk_` or `whsk_`
 * key), `github` the field X-Hub-Signature-256, `stripe` the field Stripe-Signature.
 */
export type SignatureScheme = 'standard' | 'github' | 'stripe';

/** What is signed, before it is. */
export interface Letter {
  /** Names the event: the same at each attempt. */
  readonly id: string;
  readonly type: string;
  /** The moment of the attempt, in seconds since 1970. */
  readonly timestamp: number;
  readonly body: Uint8Array;
}

/** What came, as it came. */
export interface Sealed {
  /** One field's value, the first one's where it is repeated; of signatures all, with a blank or a comma and a blank between. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** What is wrong with what came, and the status that says so; or, of a genuine one, what makes it this very attempt. */
export type Checked =
  | { readonly genuine: true; readonly attempt: string | undefined }
  | { readonly genuine: false; readonly fault: 'unsigned' | 'forged' | 'stale' | 'malformed'; readonly why: string };

/** One way of signing. */
export interface Scheme {
  /** What a secret must be; undefined where it is that. */
  wrong(secret: string, use: 'check' | 'sign'): string | undefined;
  sign(letter: Letter, secrets: readonly string[]): Record<string, string>;
  /** @param tolerance how far the moment of an attempt may be from `now`, either way, in milliseconds */
  check(sealed: Sealed, secrets: readonly string[], now: EpochMillis, tolerance: Millis): Checked;
}

/** How far the moment of an attempt may be from ours, either way, in milliseconds: what the libraries of the schemes take. */
export const TOLERANCE_MS: Millis = 300_000;

/**
 * A scheme by its name.
 *
 * @throws HarnessError `invalid-scheme`
 */
export function schemeOf(name: SignatureScheme): Scheme {
  if (Object.hasOwn(SCHEMES, name)) return SCHEMES[name];
  const known = Object.keys(SCHEMES).join(', ');
  throw new HarnessError(
    'invalid-scheme',
    `scheme: expected one of ${known}; received ${show(name)}`,
    'for another one, check the raw body yourself in the system under test',
  );
}

/**
 * Secrets, each of the form that the scheme asks for. They are never told.
 *
 * @throws HarnessError `invalid-secret`
 */
export function checkedSecrets(
  secret: string | readonly string[] | undefined,
  name: SignatureScheme,
  use: 'check' | 'sign',
): readonly string[] {
  const secrets: readonly unknown[] = secret === undefined ? [] : typeof secret === 'string' ? [secret] : secret;
  const scheme = schemeOf(name);
  if (secret !== undefined && secrets.length === 0)
    throw new HarnessError(
      'invalid-secret',
      'secret: expected at least one, received an empty list, by which nothing would be signed or checked',
      'leave it out where that is meant',
    );
  return secrets.map((one) => {
    const wrong = typeof one === 'string' && one !== '' ? scheme.wrong(one, use) : 'a text';
    if (wrong === undefined) return one as string;
    throw new HarnessError(
      'invalid-secret',
      `secret: expected ${wrong} for the scheme '${name}', received something else`,
      name === 'standard' ? "write 'whsec_' and at least 24 random bytes in base64" : 'give the secret as the sender shows it',
    );
  });
}

/** Loaded when something is first signed or checked: most who import the probes do neither. */
const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/** Ed25519 keys as DER wraps them (RFC 8410). */
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const ED25519_BYTES = 32;

function bytesOf(secret: string, prefix: string): Buffer | undefined {
  const [, base64] = new RegExp(`^${prefix}([A-Za-z0-9+/]+={0,2})$`).exec(secret) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}

/** A secret key may come with its public half behind it. */
const seedOf = (secret: string): Buffer | undefined => bytesOf(secret, 'whsk_')?.subarray(0, ED25519_BYTES);

function hmac(key: string | Buffer, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const digest = crypto().createHmac('sha256', key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** Whether one of what was given is what was expected, in a time that does not tell how much of it is right. */
function anyEqual(given: readonly Buffer[], expected: readonly Buffer[]): boolean {
  let found = false;
  for (const one of given)
    for (const other of expected) if (one.byteLength === other.byteLength && crypto().timingSafeEqual(one, other)) found = true;
  return found;
}

const fault = (kind: 'unsigned' | 'forged' | 'stale' | 'malformed', why: string): Checked => ({
  genuine: false,
  fault: kind,
  why,
});

function freshness(seconds: string, now: EpochMillis, tolerance: Millis, field: string): Checked | undefined {
  const age = Math.round((now - Number(seconds) * 1000) / 1000);
  if (Math.abs(age) * 1000 <= tolerance) return undefined;
  return fault(
    'stale',
    `${field}: it is ${Math.abs(age)} s ${age > 0 ? 'old' : 'ahead'}, and ${tolerance / 1000} s are tolerated`,
  );
}

const text = (bytes: string): Buffer => Buffer.from(bytes);

/** Standard Webhooks 1.0.0, signature scheme. */
const standard: Scheme = {
  wrong(secret, use) {
    const symmetric = bytesOf(secret, 'whsec_');
    if (symmetric !== undefined)
      return symmetric.byteLength >= 24 && symmetric.byteLength <= 64 ? undefined : 'a whsec_ secret of 24 to 64 bytes';
    if (seedOf(secret)?.byteLength === ED25519_BYTES) return undefined;
    if (use === 'check' && bytesOf(secret, 'whpk_')?.byteLength === ED25519_BYTES) return undefined;
    return use === 'check' ? 'a whsec_ secret, or a whpk_ or whsk_ key,' : 'a whsec_ secret or a whsk_ key';
  },
  sign({ id, timestamp, body }, secrets) {
    const signed = Buffer.concat([text(`${id}.${timestamp}.`), body]);
    const signatures = secrets.map((secret) => {
      const seed = seedOf(secret);
      if (seed === undefined) return `v1,${hmac(bytesOf(secret, 'whsec_')!, signed).toString('base64')}`;
      const key = privateKeyOf(seed);
      return `v1a,${crypto().sign(null, signed, key).toString('base64')}`;
    });
    const moment = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) };
    return secrets.length === 0 ? moment : { ...moment, 'webhook-signature': signatures.join(' ') };
  },
  check({ header, body }, secrets, now, tolerance) {
    const [id, timestamp, listed] = [header('webhook-id'), header('webhook-timestamp'), header('webhook-signature')];
    if (listed === undefined || listed === '') return fault('unsigned', 'webhook-signature: there is none');
    if (id === undefined || id === '') return fault('malformed', 'webhook-id: there is none');
    if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
      return fault('malformed', `webhook-timestamp: expected whole seconds since 1970, received ${show(timestamp)}`);
    const signed = Buffer.concat([text(`${id}.${timestamp}.`), body]);
    const given = listed.split(/,? +/).map((one) => [one.slice(0, one.indexOf(',')), one.slice(one.indexOf(',') + 1)] as const);
    const symmetric = given.flatMap(([version, one]) => (version === 'v1' ? [text(one)] : []));
    const asymmetric = given.flatMap(([version, one]) => (version === 'v1a' ? [Buffer.from(one, 'base64')] : []));
    let genuine = false;
    for (const secret of secrets) {
      const key = bytesOf(secret, 'whsec_');
      if (key !== undefined) {
        if (anyEqual(symmetric, [text(hmac(key, signed).toString('base64'))])) genuine = true;
      } else {
        const publicKey = publicKeyOf(secret);
        for (const one of asymmetric) if (crypto().verify(null, signed, publicKey, one)) genuine = true;
      }
    }
    if (!genuine) return fault('forged', 'webhook-signature: none of these is the signature of what came');
    return freshness(timestamp, now, tolerance, 'webhook-timestamp') ?? { genuine: true, attempt: attemptOf(signed) };
  },
};

function publicKeyOf(secret: string): KeyObject {
  const seed = seedOf(secret);
  if (seed !== undefined) return crypto().createPublicKey(privateKeyOf(seed));
  const key = Buffer.concat([PUBLIC_PREFIX, bytesOf(secret, 'whpk_')!]);
  return crypto().createPublicKey({ key, format: 'der', type: 'spki' });
}

function privateKeyOf(seed: Buffer): KeyObject {
  return crypto().createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

function attemptOf(signed: Uint8Array): string {
  return crypto().createHash('sha256').update(signed).digest('base64');
}

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries: neither moment nor id is signed. */
const github: Scheme = {
  wrong: () => undefined,
  sign({ id, type, body }, secrets) {
    const told = { 'x-github-delivery': id, 'x-github-event': type };
    const [secret] = secrets;
    return secret === undefined ? told : { ...told, 'x-hub-signature-256': `sha256=${hmac(secret, body).toString('hex')}` };
  },
  check({ header, body }, secrets) {
    const given = header('x-hub-signature-256');
    if (given === undefined || given === '') return fault('unsigned', 'x-hub-signature-256: there is none');
    const expected = secrets.map((secret) => text(`sha256=${hmac(secret, body).toString('hex')}`));
    return anyEqual(given.split(/,? +/).map(text), expected)
      ? { genuine: true, attempt: undefined }
      : fault('forged', 'x-hub-signature-256: it is not the signature of what came');
  },
};

/** https://docs.stripe.com/webhooks#verify-manually */
const stripe: Scheme = {
  wrong: () => undefined,
  sign({ timestamp, body }, secrets) {
    const signatures = secrets.map((secret) => `,v1=${hmac(secret, `${timestamp}.`, body).toString('hex')}`);
    return secrets.length === 0 ? {} : { 'stripe-signature': `t=${timestamp}${signatures.join('')}` };
  },
  check({ header, body }, secrets, now, tolerance) {
    const given = header('stripe-signature');
    if (given === undefined || given === '') return fault('unsigned', 'stripe-signature: there is none');
    const parts = given.split(/[, ]+/);
    const timestamp = parts.find((part) => part.startsWith('t='))?.slice(2);
    if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp))
      return fault('malformed', 'stripe-signature: expected t= with whole seconds since 1970');
    const signatures = parts.flatMap((part) => (part.startsWith('v1=') ? [text(part.slice(3))] : []));
    const expected = secrets.map((secret) => text(hmac(secret, `${timestamp}.`, body).toString('hex')));
    if (!anyEqual(signatures, expected)) return fault('forged', 'stripe-signature: no v1 is the signature of what came');
    const attempt = attemptOf(Buffer.concat([text(`${timestamp}.`), body]));
    return freshness(timestamp, now, tolerance, 'stripe-signature') ?? { genuine: true, attempt };
  },
};

const SCHEMES: Readonly<Record<SignatureScheme, Scheme>> = { standard, github, stripe };
