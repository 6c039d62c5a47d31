import type { Formula } from '../../../src/logic/formula.ts';
import { matches } from '../../../src/logic/pattern.ts';
import type { Observation } from '../../../src/trace/index.ts';

/**
 * The textbook reading of a formula at position `i` of a finite trace: LTLf (De Giacomo & Vardi 2013, §2) with upper time
 * bounds in the pointwise semantics of MTL. Written straight from the definition, without a thought for cost, as the oracle
 * for progression. A position beyond the end is what is left when the trace is over.
 */
export function holds(formula: Formula, trace: readonly Observation[], i = 0): boolean {
  const here = trace[i];
  switch (formula.op) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'is':
      return here !== undefined && matches(here, formula.where) === true;
    case 'test':
      return here !== undefined && formula.test!(here) === true;
    case 'not':
      return !holds(formula.of, trace, i);
    case 'and':
      return formula.of.every((part) => holds(part, trace, i));
    case 'or':
      return formula.of.some((part) => holds(part, trace, i));
    case 'next':
      return i + 1 < trace.length ? holds(formula.of, trace, i + 1) : formula.weak === true;
    case 'until': {
      const limit = formula.within === undefined || here === undefined ? Number.POSITIVE_INFINITY : here.at + formula.within;
      for (let j = i; j < trace.length && trace[j]!.at <= limit; j++) {
        if (holds(formula.then, trace, j)) return true;
        if (!holds(formula.first, trace, j)) return false;
      }
      return false;
    }
    case 'forEach': {
      const rest = trace.slice(i);
      const keys = new Set(rest.flatMap((o) => o.keys ?? []));
      return [...keys].every((key) =>
        holds(
          formula.of,
          rest.filter((o) => o.keys?.includes(key)),
        ),
      );
    }
  }
}
