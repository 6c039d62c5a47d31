import * as catalogue from '../../../src/dialects/index.ts';
import type { Dialect } from '../../../src/dialects/dialect.ts';
import { DIALECTS as SPOKEN } from '../../../src/demo/app.ts';

/** Every dialect that Holdfast reads. */
export const CATALOGUE: readonly Dialect[] = Object.values(catalogue);

/** What a demo that speaks a dialect is like, seen from ours; what is not said is the usual. */
interface Manner {
  /** The dialects of ours that read it, besides the one of the same name. */
  readonly readBy?: readonly string[];
  /** As which dialect it is recognised when nobody says which; `refused` where that is not beyond doubt. Its own name by default. */
  readonly recognised?: string;
  /** How one that was cancelled is told: as cancelled by default, or as an error like others. */
  readonly cancelled?: 'failure';
  /** Whether it tells how far it is. */
  readonly silent?: true;
  /** What the result says of a report of 12 rows, as text; that it has so many by default. */
  readonly result?: RegExp;
}

/** The demo's dialects that are not read, told and recognised as most are. The one place that maps them to ours. */
const MANNERS: Readonly<Record<string, Manner>> = {
  'azure-location': { readBy: ['location', 'azure-async'], recognised: 'location', cancelled: 'failure', silent: true },
  'job-resource-202': { readBy: ['location', 'job-resource'], recognised: 'location', cancelled: 'failure', silent: true },
  'status-field': { readBy: ['resource-status'], recognised: 'refused' },
  'job-resource': { recognised: 'refused', result: /"status":"finished".*"report_url":/ },
  odata: { silent: true },
  // A manifest names the files, which are fetched one by one.
  fhir: { result: /"output":\[\{"type":"Report","url":"[^"]+\/result"\}\]/ },
};

/** A dialect of ours, and one of the demo's that it reads. */
export interface Pair {
  readonly dialect: Dialect;
  readonly demo: string;
  readonly recognised: string;
  readonly cancelled: 'cancelled' | 'failure';
  readonly silent: boolean;
  readonly result: RegExp;
}

export const PAIRS: readonly Pair[] = CATALOGUE.flatMap((dialect) =>
  SPOKEN.filter(({ name }) => name === dialect.name || MANNERS[name]?.readBy?.includes(dialect.name) === true).map(
    ({ name: demo }) => {
      const { recognised = demo, cancelled = 'cancelled', silent, result = /"rows":12\b/ } = MANNERS[demo] ?? {};
      return { dialect, demo, recognised, cancelled, silent: silent === true, result };
    },
  ),
);

/** The demo's dialects that none of ours reads, and the names here that it does not have. */
export const UNREAD: readonly string[] = [
  ...SPOKEN.map(({ name }) => name).filter((name) => !PAIRS.some(({ demo }) => demo === name)),
  ...Object.keys(MANNERS).filter((name) => !SPOKEN.some((one) => one.name === name)),
];
