import type { Clock } from '../time/index.ts';

/** How lines are written, and where they go. */
export interface LogOptions {
  /** One JSON object a line, or words for people. */
  readonly format: 'json' | 'text';
  /** Takes a line with its end; what it throws harms nobody. */
  readonly write: (line: string) => unknown;
}

export type LogLevel = 'info' | 'warn' | 'error';
/** What a line tells. Undefined members are left out. */
export type LogFields = Readonly<Record<string, string | number | undefined>>;

export interface Logger {
  log(level: LogLevel, event: string, fields: LogFields): void;
  /** A fault of the server, with its stack. */
  fault(error: unknown, fields?: LogFields): void;
}

/** The most of a text that is looked at, and told, in characters. */
const MAX_TEXT = { read: 16_384, told: 8_192 } as const;

/** The value of something that is secret by its name, in JSON, JSON within JSON, a query or a field of a header. */
function named(name: string): RegExp {
  const value = String.raw`\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;}&]+`;
  return new RegExp(String.raw`(${name}\\?["']?\s{0,5}[:=]\s{0,5})(?:${value})`, 'gi');
}

/** What may stand in the words of an error and is nobody's business. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 [secret]'],
  [/\b((?:set-)?cookie\s{0,5}[:=]\s{0,5})[^\r\n"]+/gi, '$1[secret]'],
  [named(String.raw`(?:password|passwd|secret|token|authorization|cookie|api[-_]?key)[\w-]{0,40}`), '$1[secret]'],
  [named(String.raw`(?<!\w)(?:pass|pwd|card|cvc|subject|text|html)`), '$1[secret]'],
  [/(\/\/)[^/\s@]{1,200}@/g, '$1[secret]@'],
  [/\b[0-9a-f]{64}\b/gi, '[secret]'],
  [/\b(?:whsec|sk|pk)_[\w+/=-]+/g, '[secret]'],
  [/(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])/g, '[number]'],
  [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '[address]'],
];

/** A text without what looks like a password, a token, the number of a card, an address of mail or a secret by its name. */
export function redacted(text: string): string {
  // What is cut off in the middle of a word might no longer look like what it is.
  let told = text.length > MAX_TEXT.read ? text.slice(0, MAX_TEXT.read).replace(/\S{0,300}$/, '') : text;
  for (const [secret, instead] of SECRETS) told = told.replace(secret, instead);
  return told.length > MAX_TEXT.told ? `${told.slice(0, MAX_TEXT.told)}…` : told;
}

/** As JSON, with every character escaped that a terminal or a reader of lines may take for an order. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A log that tells little, and no secrets: of a request its route, not its path. */
export function loggerOf({ format, write }: LogOptions, clock: Clock): Logger {
  const put = (level: LogLevel, event: string, fields: LogFields): void => {
    const time = new Date(clock.wall()).toISOString();
    const told = Object.entries(fields).filter(([, value]) => value !== undefined);
    const line =
      format === 'json'
        ? quoted({ time, level, event, ...Object.fromEntries(told) })
        : [
            time,
            level.toUpperCase().padEnd(5),
            event,
            ...told.map(([name, value]) => `${name}=${/^[\w./{}:+-]+$/.test(String(value)) ? value : quoted(value)}`),
          ].join(' ');
    try {
      write(`${line}\n`);
    } catch {
      // A log that cannot be written is no reason not to answer.
    }
  };
  return {
    log: put,
    fault(error, fields = {}) {
      const { name, message, stack = '', cause } = error instanceof Error ? error : new Error(String(error));
      const why = cause instanceof Error ? redacted(cause.message) : undefined;
      const told = { error: name, message: redacted(message), cause: why };
      put('error', 'fault', { ...fields, ...told, ...(format === 'json' ? { stack: redacted(stack) } : {}) });
    },
  };
}
