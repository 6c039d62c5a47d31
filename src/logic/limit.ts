import { parseDuration, type Duration, type Millis } from '../time/duration.ts';
import { checkMembers, checkNumbers } from './arguments.ts';

/** A claim's own limit of time. */
export interface LimitArgs {
  /** The longest that it may take. */
  readonly limit: Duration;
}

/**
 * A limit in its plain form.
 *
 * @throws HarnessError `invalid-argument`, `invalid-duration`
 */
export function checkedLimit(claim: string, args: LimitArgs): { readonly limit: Millis } {
  const hint = `write it as in ${claim}({ limit: '2s' })`;
  checkMembers(claim, args, ['limit'], hint);
  const limit = parseDuration(args.limit, 'limit');
  checkNumbers(claim, { limit }, hint, 1);
  return { limit };
}
