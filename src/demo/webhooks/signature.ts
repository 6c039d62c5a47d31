import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMillis, Millis } from '../../time/index.ts';

/** How far the moment of an attempt may be from ours, either way, in milliseconds: what the libraries of Standard Webhooks take. */
export const TOLERANCE_MS: Millis = 300_000;

/** What is sent, before it is signed. */
export interface Letter {
  /** Names the event: the same on each attempt, so that its receiver can tell what came twice. */
  readonly id: string;
  /** The moment of the attempt, in seconds since 1970. */
  readonly timestamp: number;
  /** The bytes that are sent, as text. */
  readonly body: string;
  /** Which attempt it is, counted from 1. */
  readonly attempt: number;
  /** The newest first; more than one while a secret is replaced. */
  readonly secrets: readonly string[];
}

/** What came, as it says of itself; null where it says nothing. */
export interface Signed {
  readonly id: string | null;
  readonly timestamp: string | null;
  readonly signature: string | null;
  readonly body: Uint8Array;
}

/** The header fields of a letter (Standard Webhooks 1.0.0), with a signature for each secret. */
export function seal({ id, timestamp, body, secrets }: Letter): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => signature(secret, `${id}.${timestamp}.`, Buffer.from(body))).join(' '),
  };
}

/** One signature: of what is signed, part after part. */
export function signature(secret: string, ...parts: readonly (string | Uint8Array)[]): string {
  const hmac = createHmac('sha256', Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64'));
  for (const part of parts) hmac.update(part);
  return `v1,${hmac.digest('base64')}`;
}

/**
 * Checks what came, over its raw bytes and in a time that does not tell how much of a signature is right.
 *
 * @returns what is wrong with it; undefined when it is genuine
 */
export function verify({ id, timestamp, signature: listed, body }: Signed, secret: string, now: EpochMillis): string | undefined {
  if (id === null || !/^[!-~]{1,255}$/.test(id)) return 'webhook-id: expected 1 to 255 visible characters';
  if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp: expected whole seconds since 1970';
  if (listed === null) return 'webhook-signature: expected v1, and a signature; received none';
  const expected = Buffer.from(signature(secret, `${id}.${timestamp}.`, body));
  // All are looked at: a secret that is being replaced has two.
  const matching = listed.split(' ').filter((one) => {
    const given = Buffer.from(one);
    return given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
  });
  if (matching.length === 0) return 'webhook-signature: none of these is the signature of this request';
  const age = now - Number(timestamp) * 1000;
  if (Math.abs(age) > TOLERANCE_MS) return 'webhook-timestamp: it is more than five minutes from now';
  return undefined;
}

/** What a secret begins with. */
const SECRET_PREFIX = 'whsec_';

/** A secret of these bytes, which are given as hexadecimal. */
export function secretOf(hex: string): string {
  return `${SECRET_PREFIX}${Buffer.from(hex, 'hex').toString('base64')}`;
}

/** Whether a text is a secret: 24 to 64 bytes, in base64. */
export function isSecret(text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return false;
  const { byteLength } = Buffer.from(base64, 'base64');
  return byteLength >= 24 && byteLength <= 64;
}
