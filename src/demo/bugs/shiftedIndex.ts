import type { Bug } from '../parts.ts';

/** What became of an import, as it is told. */
interface Told {
  readonly results: readonly { readonly status: string }[];
}

export const shiftedIndex: Bug = {
  name: 'shifted-index',
  family: 'result',
  story: 'invalid items are taken out before the rest is numbered: from the first of them on each index means another item',
  plant: ({ tell }) => ({
    tell(operation) {
      const told = tell(operation);
      if (operation.kind !== 'import' || told.result === undefined) return told;
      const { results, ...rest } = told.result as Told;
      const valid = results.filter(({ status }) => status !== 'invalid');
      const numbered = results.map((one) => (valid.includes(one) ? { ...one, index: valid.indexOf(one) } : one));
      return { ...told, result: { ...rest, results: numbered } };
    },
  }),
};
