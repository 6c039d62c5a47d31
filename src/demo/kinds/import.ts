import { addCustomer, holderOf } from '../customers.ts';
import type { Work } from '../db.ts';
import { readItem, type ImportedItem, type ImportOrder } from '../imports.ts';
import { Refused } from '../once.ts';
import type { Parts } from '../parts.ts';
import { problem, type Problem } from '../problem.ts';
import { STEPS } from '../store.ts';
import { pickUpDelay } from '../worker.ts';
import type { Job, Kind } from './kind.ts';

/**
 * Imports customers, each in a transaction with the note of what came of it: a worker that dies neither repeats one nor loses one.
 * An atomic import is one transaction at its end.
 */
export function importKind(parts: Parts): Kind {
  const { clock } = parts;

  function* keep(item: unknown, index: number, owner: string): Work<ImportedItem> {
    const given = readItem(item, index);
    if ('detail' in given) return { index, status: 'invalid', error: given };
    const holder = yield* holderOf(given.email, owner);
    if (holder !== undefined) return { index, status: 'duplicate', url: `/customers/${holder}` };
    const { id } = yield* addCustomer(parts, given, owner);
    return { index, status: 'created', url: `/customers/${id}` };
  }

  const told = (results: readonly ImportedItem[], total: number): object => ({ total, ...parts.tally(results), results });

  const allOrNothing = async (job: Job, items: readonly unknown[], owner: string): Promise<void> => {
    try {
      await job.finish({}, function* () {
        const results: ImportedItem[] = [];
        for (const [index, item] of items.entries()) results.push(yield* keep(item, index, owner));
        const errors = results.flatMap(faultsOf);
        if (errors.length > 0)
          throw new Refused(problem('import-refused', `${errors.length} faults, all listed in errors`, errors));
        return told(results, items.length);
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await job.finish(error.problem);
    }
  };

  return {
    async run(job) {
      const { operation } = job;
      const { owner } = operation;
      const { items, atomic, work } = operation.order as ImportOrder;
      let results = (operation.noted as { readonly results: readonly ImportedItem[] } | undefined)?.results ?? [];
      const effort = work - pickUpDelay(work);
      const began = clock.now() - (effort * operation.step) / STEPS;
      for (let step = operation.step + 1; step <= STEPS; step++) {
        if (!(await job.until(began + (effort * step) / STEPS))) return;
        const end = atomic ? 0 : Math.floor((items.length * step) / STEPS);
        while (results.length < end) {
          let more = results;
          const noted = await job.note(step - 1, undefined, function* () {
            more = [...results, yield* keep(items[results.length], results.length, owner)];
            return told(more, items.length);
          });
          if (!noted) return;
          results = more;
        }
        if (step < STEPS && !(await job.note(step))) return;
      }
      if (atomic) await allOrNothing(job, items, owner);
      else await job.finish(told(results, items.length));
    },
  };
}

/** Why an item cannot be part of an atomic import. */
function faultsOf({ index, status, url, error }: ImportedItem): NonNullable<Problem['errors']> {
  if (status === 'created') return [];
  if (error !== undefined) return error.errors ?? [];
  return [{ pointer: `#/items/${index}/email`, detail: `${url} has this address` }];
}
