import { expectForms, type Consistently, type Eventual, type Eventually } from '../edge/expect-forms.ts';
import { edge } from './expect.ts';

const forms = expectForms(edge);

/** A block, or a probe with any matcher of the package `expect`, tried until it passes. `examples/22-node-test` uses it. */
export const eventually: Eventually = forms.eventually;
/** The same, which must pass at every attempt for a while. `examples/22-node-test` uses it. */
export const consistently: Consistently = forms.consistently;
export type { Eventual };
