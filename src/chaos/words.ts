import { definitionOf, saysWhere, type Entry } from '../faults/index.ts';
import { counted } from '../logic/say.ts';
import { message } from '../report/index.ts';
import { escapeText, oneLine } from '../report/text.ts';
import type { Case, SarifRules, Suite } from '../report/index.ts';
import { formatDuration } from '../time/index.ts';
import { redactUrl } from '../trace/index.ts';
import type { Campaign, Counterexample } from './campaign.ts';
import type { ChaosResult, SteadyAnswer, Watched } from './run.ts';

/** How many failures are told in full, and how many in a line. */
const MAX_IN_FULL = 3;
const MAX_TOLD = 20;

/** What is asked of a target under faults, by the ids that reports use. */
export const CHAOS_RULES: SarifRules = {
  'steady-before': 'The target is steady before any fault.',
  'steady-during': 'The target is steady while faults are in force.',
  claim: 'What is asked for while faults are in force keeps its claims.',
  recovery: 'The target is steady again in time once all is healed.',
  'steady-after': 'The target is steady after all.',
};

/** The run of one campaign as a command that does the same again. */
export interface Replay {
  /** The scenario's file, as it was named. */
  readonly file: string;
  readonly url: string;
  /** Names of header fields that were sent; their values are left for whoever runs it to fill in. */
  readonly headers?: readonly string[] | undefined;
}

/** The command that replays the smallest schedule, or the run where there is none. Nothing secret is in it. */
export function replayCommand({ file, url, headers = [] }: Replay, { result, counterexample }: Campaign): string {
  const only = counterexample?.pins ?? [];
  return [
    'holdfast chaos',
    quoted(file),
    `--url ${quoted(redactUrl(url))}`,
    ...headers.map((name) => `-H ${quoted(`${name}: …`)}`),
    `--seed ${quoted(result.seed)}`,
    ...only.map((pin) => `--only ${quoted(pin)}`),
  ].join(' ');
}

/** As a shell takes it (POSIX, 2.2.2 Single-Quotes). */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * What came of a campaign, in words: the verdict, what failed, the smallest schedule that breaks it and how often it does, and the
 * line that replays it.
 *
 * @param options.replay what to run to see it again, in one line
 */
export function describeCampaign(told: Campaign, options: { readonly replay?: string | undefined } = {}): string {
  const { result, counterexample, runs, times } = told;
  const name = oneLine(result.name, 200);
  const which = times === 1 ? `seed ${oneLine(result.seed)}` : `run ${runs} of ${times}, seed ${oneLine(result.seed)}`;
  const lines: string[] = [];
  switch (result.verdict) {
    case 'kept': {
      const done = times === 1 ? which : `${counted(runs, 'run', 'runs')}, the last by seed ${oneLine(result.seed)}`;
      lines.push(`kept: ${name} (${done})`, ...summary(result));
      break;
    }
    case 'aborted':
      lines.push(`stopped: ${name} (${which}); all is healed`);
      break;
    case 'unsteady':
      lines.push(
        `not steady: ${name} (${which}): the target fails its steady state before any fault, so nothing was harmed and nothing is found`,
        ...unwell(result.before).map((line) => `  ${line}`),
      );
      break;
    case 'violated':
      lines.push(`violated: ${name} (${which})`, ...violated(result), ...smallest(counterexample));
      if (options.replay !== undefined) lines.push('', `  replay: ${escapeText(options.replay).replaceAll('\n', '\\n')}`);
  }
  return lines.join('\n');
}

function summary({ operations, strikes, recovered, idle }: ChaosResult): readonly string[] {
  const kept = operations.length === 0 ? [] : [`${counted(operations.length, 'claim', 'claims')} kept`];
  const again =
    recovered === undefined ? [] : [recovered === 0 ? 'steady at once' : `steady again after ${formatDuration(recovered)}`];
  return [`  ${[...kept, counted(strikes.length, 'harm', 'harms'), ...again].join(', ')}`, ...idleLines(idle)];
}

function idleLines(idle: readonly Entry[]): readonly string[] {
  return idle.map(({ id }) => `  nobody was struck by '${oneLine(id, 200)}': the scenario tries less than it says`);
}

function unwell(answers: readonly SteadyAnswer[]): readonly string[] {
  return answers
    .filter(({ isWell }) => !isWell)
    .map(({ name, why }) => `${oneLine(name, 200)}: ${oneLine(why ?? 'not well', 300)}`);
}

function violated(result: ChaosResult): readonly string[] {
  const { operations, during, after, recovered, idle } = result;
  const lines: string[] = [];
  const broken = operations.filter(isBroken);
  for (const one of broken.slice(0, MAX_IN_FULL))
    lines.push(
      '',
      ...toldOf(one)
        .split('\n')
        .map((line) => (line === '' ? '' : `  ${line}`)),
    );
  for (const one of broken.slice(MAX_IN_FULL, MAX_TOLD))
    lines.push(...(lines.at(-1)?.startsWith('  and') ? [] : ['']), `  and ${toldOf(one).split('\n', 1)[0]}`);
  if (broken.length > MAX_TOLD) lines.push(`  … and ${broken.length - MAX_TOLD} more`);
  const steady = [
    ...unwell(during).map((line) => `while faults were in force: ${line}`),
    ...(recovered === undefined && after.length > 0 ? ['it was not steady again in time'] : []),
    ...unwell(after).map((line) => `after all was healed: ${line}`),
  ];
  if (steady.length > 0) lines.push('', ...steady.map((line) => `  ${line}`));
  if (idle.length > 0) lines.push('', ...idleLines(idle));
  return lines;
}

function smallest(found: Counterexample | undefined): readonly string[] {
  if (found === undefined) return [];
  const { plan, from, runs, failed, of, isSure, gaveUp } = found;
  const before = from === plan.entries.length ? '' : ` of ${from}`;
  const head =
    plan.entries.length === 0
      ? 'it breaks without any fault too'
      : `the smallest schedule that breaks it has ${counted(plan.entries.length, 'harm', 'harms')}${before}`;
  const why = {
    runs: 'as many runs as are allowed',
    time: 'the time that is allowed',
    over: 'it could go on no longer',
  } as const;
  const rate =
    of === 0
      ? 'it was not run again, so nobody knows how often it does'
      : isSure
        ? `it does so in ${failed} of ${of} runs`
        : `flaky: it does so in ${failed} of ${of} runs of the same schedule`;
  return [
    '',
    `  ${head} (${counted(runs, 'run', 'runs')}${gaveUp === undefined ? '' : why[gaveUp]}); ${rate}`,
    ...plan.entries.map((entry) => `    ${saysEntry(entry)}`),
  ];
}

/** One line of a schedule, in words. */
function saysEntry({ fault, args, where, when }: Entry): string {
  const [nth] = when.nth ?? [];
  const place = saysWhere(where);
  const whom = place === '**' ? 'anything' : place;
  const which = nth === undefined || when.nth!.length > 1 ? '' : `, number ${nth + 1}`;
  return oneLine(`${fault} of ${whom}${which}: ${definitionOf(fault).says(args)}`, 300);
}

const isBroken = ({ judgement }: Watched): boolean => judgement.verdict !== 'holds';

function toldOf({ name, claim, judgement, trace, within }: Watched): string {
  return message({ claim, judgement, trace, name, within });
}

/** A campaign as a suite, for the reports of other tools. */
export function suiteOf(
  told: Campaign,
  more: { readonly file?: string | undefined; readonly replay?: string | undefined } = {},
): Suite {
  const { result, counterexample, runs, times } = told;
  const { before, during, after, recovered, operations, strikes } = result;
  const described = describeCampaign(told, { replay: more.replay });
  const found = [...smallest(counterexample), ...(more.replay === undefined ? [] : ['', `  replay: ${more.replay}`])];
  const steady = (answers: readonly SteadyAnswer[], rule: string, when: string, outcome: Case['outcome']): readonly Case[] =>
    answers.map(({ name, isWell, why }) => ({
      name: `${name} ${when}`,
      rule,
      outcome: isWell ? 'kept' : outcome,
      ...(isWell ? {} : { message: `${name}: ${why ?? 'not well'}`, text: described }),
    }));
  const claims = operations.map((one): Case => {
    const kept = !isBroken(one);
    const whole = kept ? '' : toldOf(one);
    return {
      name: `${one.name}: ${one.claim.says}`,
      rule: 'claim',
      took: Math.max(0, one.judgement.at ?? 0),
      outcome: kept ? 'kept' : result.verdict === 'aborted' ? 'skipped' : 'violated',
      ...(kept ? {} : { message: whole.split('\n', 1)[0]!, text: [whole, ...found].join('\n') }),
    };
  });
  const asked = result.verdict === 'unsteady' || after.length === 0;
  return {
    kind: 'chaos',
    name: result.name,
    file: more.file,
    cases: [
      ...steady(before, 'steady-before', 'before any fault', 'error'),
      ...steady(during, 'steady-during', 'while faults are in force', 'violated'),
      ...claims,
      ...(asked
        ? []
        : [
            {
              name: 'steady again in time',
              rule: 'recovery',
              took: recovered ?? told.scenario.recovery,
              outcome: recovered === undefined ? (result.verdict === 'aborted' ? 'skipped' : 'violated') : 'kept',
              ...(recovered === undefined
                ? { message: `not steady again within ${formatDuration(told.scenario.recovery)}`, text: described }
                : {}),
            } as const,
          ]),
      ...steady(after, 'steady-after', 'after all', 'violated'),
    ],
    properties: {
      seed: result.seed,
      verdict: result.verdict,
      run: `${runs} of ${times}`,
      harms: String(strikes.length),
      ...(counterexample === undefined
        ? {}
        : {
            schedule: counterexample.pins.join('; '),
            rate: `${counterexample.failed} of ${counterexample.of}`,
          }),
      ...(more.replay === undefined ? {} : { replay: more.replay }),
    },
  };
}

/** A campaign as plain JSON, for programs. Text from outside stands there as it came. */
export function campaignJson(told: Campaign, more: { readonly url?: string; readonly replay?: string | undefined } = {}): object {
  const { result, counterexample, runs, times, scenario } = told;
  const { name, seed, verdict, before, during, after, recovered, operations, strikes, idle } = result;
  return {
    holdfast: 'chaos',
    version: 1,
    scenario: name,
    ...(more.url === undefined ? {} : { url: redactUrl(more.url) }),
    verdict,
    seed,
    runs,
    times,
    steady: { before, during, after },
    recovery: { within: scenario.recovery, after: recovered ?? null },
    claims: operations.map((one) => {
      const { verdict: decided, decidedBy, at, reason } = one.judgement;
      return {
        name: one.name,
        claim: one.claim.name,
        verdict: decided,
        decidedBy,
        at: at ?? null,
        reason,
        says: toldOf(one).split('\n', 1)[0],
      };
    }),
    strikes: strikes.map(({ entry, nth, at }) => ({ id: entry.id, fault: entry.fault, nth, at })),
    idle: idle.map(({ id }) => id),
    ...(counterexample === undefined
      ? {}
      : {
          counterexample: {
            ...counterexample,
            plan: { seed: counterexample.plan.seed, faults: counterexample.plan.entries },
            flaky: !counterexample.isSure,
          },
        }),
    ...(more.replay === undefined ? {} : { replay: more.replay }),
  };
}
