import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rejudge } from '../../../src/logic/index.ts';
import { parseTrace } from '../../../src/trace/index.ts';
import { RECORDINGS } from './record.ts';

const folder = join(import.meta.dirname, '../../../fixtures/traces');

/** The riskiest bet of the design: one kind of trace carries every kind of claim. Three unlike ones, each green and red. */
describe.each(RECORDINGS)('a recording for $name that is $verdict', ({ name, verdict, record }) => {
  const file = join(folder, `${name}.${verdict}.jsonl`);

  test('gets its verdict, by what was seen where it is violated', async () => {
    const trace = await record();
    if (process.env['UPDATE_TRACES'] !== undefined) writeFileSync(file, trace.toJSONL());
    const [claim] = trace.header.claims;
    expect(claim?.judgement).toMatchObject({ verdict, ...(verdict === 'violated' ? { decidedBy: 'observation' } : {}) });
  });

  test('is the same, byte for byte, when it is made again', async () => {
    expect(existsSync(file), `${file} is missing; UPDATE_TRACES=1 makes it`).toBe(true);
    expect((await record()).toJSONL()).toBe(readFileSync(file, 'utf8'));
  });

  test('judged again from its file, gives the judgement it was recorded with', () => {
    const trace = parseTrace(readFileSync(file, 'utf8'));
    expect(rejudge(trace)).toEqual(trace.header.claims.map((claim) => claim.judgement));
    expect(rejudge(trace)).toHaveLength(1);
  });
});
