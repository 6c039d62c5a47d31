/** What an assertion may have to say, in characters: of a diff of a whole document nobody reads more, and it is made at each attempt. */
const MAX_READ = 4000;

/** Colours and other marks for a terminal. */
// oxlint-disable-next-line no-control-regex
const MARKS = /\u001b\[[\d;]*m/g;
/** Where a library begins to show a diff: the differences that count are told as the nearest miss. */
const DIFF = /^(?:- Expected\b|\+ actual - expected\b)/;

/**
 * What was thrown, in words for one line. Libraries that write an assertion over several lines, in colours and with a diff, keep what was
 * compared elsewhere: the `expect` package, which is Jest's, and Playwright's in `matcherResult`, `node:assert` in the error.
 *
 * @returns what was thrown itself, where it is no such assertion
 */
export function worded(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { matcherResult: compared } = thrown as { matcherResult?: unknown };
  if (typeof compared === 'object' && compared !== null) return light(thrown, expectation(linesOf(thrown.message)), compared);
  const { code, generatedMessage } = thrown as { code?: unknown; generatedMessage?: unknown };
  if (code === 'ERR_ASSERTION' && generatedMessage === true) return light(thrown, linesOf(thrown.message).join(' '), thrown);
  return thrown;
}

/** A plain error of that name and message, with what was compared. */
function light({ name }: Error, message: string, compared: object): Error {
  const told = { name, message };
  if ('expected' in compared && 'actual' in compared)
    Object.assign(told, { expected: compared.expected, actual: compared.actual });
  return Object.assign(new Error(message), told);
}

function linesOf(message: string): readonly string[] {
  const lines = message
    .slice(0, MAX_READ)
    .replace(MARKS, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const diff = lines.findIndex((line) => DIFF.test(line));
  return diff > 0 ? lines.slice(0, diff) : lines;
}

/** `expect(received).toBe(expected): expected 1, received 2`. */
function expectation(lines: readonly string[]): string {
  const [head = '', ...rest] = lines;
  const told = rest.map((line) => line.replace(/^([A-Z][a-z ]*): +/, (_all, label: string) => `${label.toLowerCase()} `));
  return [head.replace(/ \/\/ .*$/, ''), ...(told.length === 0 ? [] : [told.join(', ')])].join(': ');
}
