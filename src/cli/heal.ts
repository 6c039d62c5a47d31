import { parseArgs } from 'node:util';
import { HarnessError, show } from '../errors.ts';
import { heal as healing } from '../inject/heal.ts';
import { journals, type HealedJournal, type Undone } from '../inject/undo.ts';
import { escapeText } from '../report/index.ts';
import { EXIT, type Io } from './io.ts';

const HELP = `holdfast heal [JOURNAL]: undo what a run has left harmed that was killed

  A run that harms more than itself (a container, a process, a proxy) writes what undoes it to a journal
  before it is done. This undoes what journals of runs that are gone still tell, the latest first, and
  removes them. What a live run has harmed is left to it.

      JOURNAL   a journal, or a folder of them; by default HOLDFAST_JOURNAL, or holdfast/journal in
                XDG_STATE_HOME (~/.local/state)
      --json    one JSON document, for programs

Exit code 0 when nothing is left harmed, 3 when something could not be undone: its journal is kept, so that
this can be called again. 2 for misuse.
`;

/**
 * `holdfast heal`: undoes what runs that are gone have left harmed.
 *
 * @returns 0 when nothing is left harmed, 3 when something could not be undone
 * @throws HarnessError for a bad command line, a journal that is not there or is none
 */
export async function heal(argv: readonly string[], { out }: Io): Promise<number> {
  const { values, positionals } = read(argv);
  if (values.help === true) {
    out(HELP);
    return EXIT.kept;
  }
  const [path, ...more] = positionals;
  if (more.length > 0)
    throw new HarnessError(
      'misuse',
      `expected one journal, received also ${more.map((one) => show(one)).join(', ')}`,
      'holdfast heal --help',
    );
  const all = await healing(path);
  const failed = all.some(({ outcome }) => outcome === 'failed');
  if (values.json === true) out(`${JSON.stringify({ journals: all })}\n`);
  else out(`${all.length === 0 ? `nothing to heal in ${escapeText(path ?? journals())}` : all.map(told).join('\n')}\n`);
  return failed ? EXIT.environment : EXIT.kept;
}

const OUTCOMES: Readonly<Record<HealedJournal['outcome'], string>> = {
  healed: 'healed',
  live: 'left alone: its run still goes on',
  elsewhere: 'left alone: it was written on another machine, or before this one was switched on',
  failed: 'kept: not all of it could be undone',
};

const SAYS: Readonly<Record<Undone['outcome'], string>> = {
  undone: 'undone',
  over: 'was over already',
  failed: 'could not be undone',
  nobody: 'cannot be undone',
};

function told({ file, outcome, harms }: HealedJournal): string {
  const lines = harms.map(({ harm, outcome: one, why }) => `  ${harm}: ${SAYS[one]}${why === undefined ? '' : `: ${why}`}`);
  return [`${file}: ${OUTCOMES[outcome]}`, ...lines].map(escapeText).join('\n');
}

function read(argv: readonly string[]): {
  readonly values: { readonly help?: boolean | undefined; readonly json?: boolean | undefined };
  readonly positionals: readonly string[];
} {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } },
    });
  } catch (error) {
    throw new HarnessError('misuse', (error as Error).message.split('. ', 1)[0]!, 'holdfast heal --help shows how to write it', {
      cause: error,
    });
  }
}
