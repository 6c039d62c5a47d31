import type { Millis } from '../time/index.ts';

/** What was asked and what came of it, as reports for other tools take it: one suite of cases. */
export interface Suite {
  /** Which kind of thing was run: `chaos`. */
  readonly kind: string;
  readonly name: string;
  /** The file that says what was asked, relative to the working directory. */
  readonly file?: string | undefined;
  readonly cases: readonly Case[];
  /** What else is to be known, as the seed. */
  readonly properties: Readonly<Record<string, string>>;
}

/** One thing that was asked. */
export interface Case {
  readonly name: string;
  /** Stable kebab-case name of the kind of question: a rule's id. */
  readonly rule: string;
  /** How long it took, in milliseconds. */
  readonly took?: Millis | undefined;
  /** `error`: it could not be asked, as nobody had harmed anything yet. */
  readonly outcome: 'kept' | 'violated' | 'error' | 'skipped';
  /** What came instead, in one line, and in full. */
  readonly message?: string | undefined;
  readonly text?: string | undefined;
}
