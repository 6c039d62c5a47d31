/** A reporter for `node --test`: one line of JSON for each test, with what failed and what was told of it. */

/** @param {AsyncIterable<import('node:test/reporters').TestEvent>} events */
export default async function* lines(events) {
  /** @type {{ name: string, passed: boolean, errors: string[], told: string[] } | undefined} */
  let last;
  for await (const { type, data } of events) {
    // What a test told comes after its result.
    if (type === 'test:diagnostic') last?.told.push(data.message);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (last !== undefined) yield `${JSON.stringify(last)}\n`;
    last = {
      name: data.name,
      passed: type === 'test:pass',
      errors: errorsOf('error' in data.details ? data.details.error : undefined),
      told: [],
    };
  }
  if (last !== undefined) yield `${JSON.stringify(last)}\n`;
}

/** @param {Error | undefined} error */
function errorsOf(error) {
  const cause = /** @type {Error & { errors?: Error[] } | undefined} */ (error?.cause ?? error);
  const errors = cause?.errors ?? (cause === undefined ? [] : [cause]);
  return errors.map((one) => (typeof one === 'object' ? (one.stack ?? one.message) : String(one)));
}
