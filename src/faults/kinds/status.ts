import { defineFault, type FaultFactory } from '../fault.ts';

export interface StatusArgs {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * It is answered with an HTTP status in the server's stead.
 *
 * @example
 * ```ts
 * import { status } from 'holdfast/faults';
 * status({ status: 500, where: 'GET /operations/*', nth: [0, 1] }).args; // => { status: 500, headers: {}, body: '' }
 * ```
 */
export const status: FaultFactory<StatusArgs> = defineFault<StatusArgs>({
  name: 'status',
  of: 'exchange',
  says: ({ status: code }) => `it is answered ${code} in the server's stead`,
  parameters: {
    status: { type: 'status', otherwise: 503, says: 'the status of the answer' },
    headers: { type: 'fields', otherwise: {}, says: 'its header fields' },
    body: { type: 'text', otherwise: '', says: 'its body' },
  },
  does: ['respond'],
  actions: ({ status: code, headers, body }) => [{ do: 'respond', status: code, headers: Object.entries(headers), body }],
  samples: [{ status: 503, headers: {}, body: '' }],
});
