import { COPIES, type CopiesArgs } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export type DuplicateRequestArgs = CopiesArgs;

/**
 * The server gets it again, as after a retry below the client's own: the client sees the first answer alone.
 *
 * @example
 * ```ts
 * import { duplicateRequest } from 'holdfast/faults';
 * duplicateRequest({ where: 'POST /orders', nth: 0 }).args; // => { copies: 1, gap: 0 }
 * ```
 */
export const duplicateRequest: FaultFactory<DuplicateRequestArgs> = defineFault<DuplicateRequestArgs>({
  name: 'duplicateRequest',
  of: 'exchange',
  says: ({ copies }) => `the server gets it ${copies === 1 ? 'twice' : `${copies + 1} times`}`,
  ...COPIES,
});
