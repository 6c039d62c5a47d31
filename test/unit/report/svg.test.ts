import { describe, expect, test } from 'vitest';
import { judge, succeed } from '../../../src/logic/index.ts';
import { renderSvg } from '../../../src/report/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';

describe('a trace as a picture', () => {
  test('of nothing is a picture too', () => {
    expect(renderSvg({ trace: createTrace({ clock: virtualClock() }) })).toMatch(/^<svg [^]*<\/svg>\n$/);
  });

  test('the same trace gives the same text', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    trace.record('a', { kind: 'state', state: 'queued' });
    await clock.advance(50);
    trace.record('a', { kind: 'state', state: 'failed', ending: 'failure' });
    const judgement = judge(succeed(), trace.observations);
    expect(renderSvg({ trace, judgement })).toBe(renderSvg({ trace, judgement }));
    expect(renderSvg({ trace, judgement })).toContain('violated +50ms');
  });

  test('nothing that was said breaks out of it', () => {
    const trace = createTrace({ clock: virtualClock() });
    const nasty = '</text><script>x</script>"\'&\u0000\u001b]]>';
    trace.record(nasty, { kind: 'state', state: nasty });
    trace.record(nasty, { kind: 'error', message: nasty });
    trace.record(nasty, { kind: 'message', type: nasty });
    trace.record('w', { kind: 'fault', fault: nasty, action: {} });
    const drawn = renderSvg({ trace, name: nasty });
    expect(drawn).not.toContain('<script');
    expect(drawn).not.toContain('\u0000');
    expect(drawn).not.toContain('\u001b');
    expect(drawn.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
  });

  test('its size is bounded, however long the trace is, and it says what was left out', () => {
    const trace = createTrace({ clock: virtualClock() });
    for (let i = 0; i < 3000; i++) trace.record(`source ${i % 50}`, { kind: 'state', state: `s${i}` });
    const drawn = renderSvg({ trace });
    expect(drawn.length).toBeLessThan(500_000);
    expect(drawn).toContain('and 30 more sources');
    expect(drawn).toContain('changes left out');
  });
});
