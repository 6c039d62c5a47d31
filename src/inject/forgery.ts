import { schemeOf, type SignatureScheme } from '../probes/signatures.ts';
import { seeded } from '../time/index.ts';
import type { Event } from '../trace/index.ts';

/** How far back a forged moment lies, in seconds: past what the schemes tolerate. */
const STALE_S = 600;

/** A delivery's header fields, names and values in turn, and its body. */
export interface Forgeable {
  readonly fields: readonly string[];
  readonly body: Uint8Array;
}

/** Where each scheme has its signature. */
const SIGNED: Readonly<Record<string, SignatureScheme>> = {
  'webhook-signature': 'standard',
  'x-hub-signature-256': 'github',
  'stripe-signature': 'stripe',
};

/** How the trace tells that nothing was forged. */
export function nothingToForge(name: string, what: string): Event {
  return { kind: 'note', text: `${name}: a delivery has no ${what} to be forged; it goes on as it came` };
}

/** Whether it is signed as one of the schemes has it. */
export function isSigned({ fields }: Pick<Forgeable, 'fields'>): boolean {
  return fields.some((one, i) => i % 2 === 0 && SIGNED[one.toLowerCase()] !== undefined);
}

/** What is to be forged of a delivery, one after the other; `missing` is told of what it has nothing of. */
export function forgedAll(
  letter: Forgeable,
  all: readonly ('signature' | 'body' | 'timestamp')[],
  seed: string,
  missing: (what: string) => void,
): Forgeable {
  let { fields, body } = letter;
  for (const what of all) {
    const changed = forged({ fields, body }, what, seed);
    if (changed === undefined) missing(what);
    else ({ fields, body } = changed);
  }
  return { fields, body };
}

/**
 * A delivery that must not be believed: of the right form, signed by a stranger (`signature`), changed after it was signed (`body`), or
 * of another moment than was signed (`timestamp`).
 *
 * @returns undefined where it has nothing of the kind
 */
export function forged(letter: Forgeable, what: 'signature' | 'body' | 'timestamp', seed: string): Forgeable | undefined {
  switch (what) {
    case 'signature':
      return strangely(letter, seed);
    case 'body':
      return { fields: letter.fields, body: altered(letter.body) };
    case 'timestamp':
      return backdated(letter);
  }
}

/** Signed by somebody who has another secret. */
function strangely({ fields, body }: Forgeable, seed: string): Forgeable | undefined {
  let found = false;
  const changed = each(fields, (name, value) => {
    const scheme = SIGNED[name];
    if (scheme === undefined) return value;
    found = true;
    const hex = seeded(`${seed}/forged`).hex(64);
    const secret = scheme === 'standard' ? `whsec_${Buffer.from(hex, 'hex').toString('base64')}` : hex;
    const timestamp = Number(
      scheme === 'stripe' ? (/(?:^|,)\s*t=(\d+)/.exec(value)?.[1] ?? 0) : (valueOf(fields, 'webhook-timestamp') ?? 0),
    );
    const id = valueOf(fields, 'webhook-id') ?? '';
    return schemeOf(scheme).sign({ id, type: '', timestamp, body }, [secret])[name] ?? value;
  });
  return found ? { fields: changed, body } : undefined;
}

/** One digit is another, so that JSON stays JSON and says something else; a body without one gets a space. */
function altered(body: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(body);
  for (let i = changed.length - 1; i >= 0; i--) {
    const byte = changed[i]!;
    if (byte < 0x30 || byte > 0x39) continue;
    changed[i] = byte === 0x39 ? 0x31 : byte + 1;
    return changed;
  }
  return Buffer.concat([body, Buffer.from(' ')]);
}

function backdated({ fields, body }: Forgeable): Forgeable | undefined {
  let found = false;
  const earlier = (seconds: string): string => {
    found = true;
    return String(Number(seconds) - STALE_S);
  };
  const changed = each(fields, (name, value) => {
    if (name === 'webhook-timestamp' && /^\d+$/.test(value)) return earlier(value);
    if (name !== 'stripe-signature') return value;
    return value.replace(/((?:^|,)\s*t=)(\d+)/, (_, before: string, seconds: string) => before + earlier(seconds));
  });
  return found ? { fields: changed, body } : undefined;
}

function each(fields: readonly string[], change: (name: string, value: string) => string): string[] {
  return fields.map((one, i) => (i % 2 === 0 ? one : change(fields[i - 1]!.toLowerCase(), one)));
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((one, i) => i % 2 === 0 && one.toLowerCase() === name);
  return at < 0 ? undefined : fields[at + 1];
}
