/** Every claim on every channel and in every dialect where it makes sense: it holds on the demo, and catches what is planted in it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as matchers from '../../../src/matchers/index.ts';
import { containersEnabled, startNats, type Started } from '../../setup/containers.ts';
import { PAIRS } from '../dialects/cast.ts';
import {
  BESIDE,
  CHANNELS,
  faultOn,
  homeOf,
  OTHERWISE,
  ROWS,
  TOLD,
  whyNotIn,
  whyNotOn,
  type ChannelName,
  type Row,
} from './rows.ts';
import { run, type Cell } from './stage.ts';
import { broker } from './transports.ts';

const NAMES = Object.keys(ROWS) as (keyof typeof matchers)[];
const needsBroker = (channel: ChannelName): boolean => channel === 'broker';
const hasBroker = await containersEnabled('the cells on a broker');

let server: Started | undefined;
beforeAll(async () => {
  if (!hasBroker) return;
  server = await startNats();
  broker.address = server.address;
});
afterAll(() => server?.stop());

test('every matcher has a row', () => {
  expect(NAMES.toSorted()).toEqual(Object.keys(matchers).toSorted());
});

/** What a cell says, as it should be and with its fault; each with the judgement of its recording. */
async function bothWays(cell: Cell): Promise<object> {
  const good = await run(cell);
  const bad = await run(cell, faultOn(cell.row, cell.channel));
  expect([good.again, bad.again]).toEqual([good.judgement, bad.judgement]);
  return {
    good: good.judgement.verdict,
    bad: bad.judgement.verdict,
    because: bad.judgement.reason.code,
    // For the message, where it is not as it should be.
    ...(good.judgement.verdict === 'holds' && bad.judgement.verdict === 'violated'
      ? {}
      : { why: [good.judgement.reason, bad.judgement.reason] }),
  };
}
/** It holds, and with its fault it is violated: for the reason that the fault gives, and not for another. */
const right = ({ because }: Row): object => ({
  good: 'holds',
  bad: 'violated',
  because: expect.toBeOneOf(typeof because === 'string' ? [because] : [...because]) as unknown,
});

describe.each(NAMES)('%s', (matcher) => {
  const row: Row = ROWS[matcher];
  const on = CHANNELS.filter((channel) => whyNotOn(row, channel) === undefined);
  test.each<ChannelName>(on.filter((channel) => hasBroker || !needsBroker(channel)))('on %s', async (channel) => {
    expect(await bothWays({ matcher, row, channel })).toEqual(right(row));
  });
});

describe.each(PAIRS)('$dialect.name, with a demo that speaks $demo', (pair) => {
  const said = NAMES.filter((matcher) => whyNotIn(ROWS[matcher], pair) === undefined);
  test.each(said)('%s', async (matcher) => {
    const row: Row = ROWS[matcher];
    expect(await bothWays({ matcher, row, pair, ...homeOf(row) })).toEqual(right(row));
  });

  const unsaid = NAMES.filter((matcher) => !said.includes(matcher));
  test.runIf(unsaid.length > 0).each(unsaid)('%s has a reason not to be there', async (matcher) => {
    const row: Row = ROWS[matcher];
    const shows = OTHERWISE[whyNotIn(row, pair)!];
    expect(await bothWays({ matcher, row, pair, ...homeOf(row) })).toMatchObject(shows!);
  });
});

/** What listens beside the monitor, in every dialect: the states and messages of both are judged as one trace. */
describe.each(PAIRS)('beside the monitor of $dialect.name, with a demo that speaks $demo', (pair) => {
  describe.each(TOLD.filter((channel) => hasBroker || !needsBroker(channel)))('%s', (also) => {
    test.each(BESIDE)('%s', async (matcher) => {
      expect(await bothWays({ matcher, row: ROWS[matcher], pair, channel: also, also })).toEqual(right(ROWS[matcher]));
    });
  });
});
