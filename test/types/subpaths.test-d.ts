import { expectTypeOf, test } from 'vitest';
import * as core from 'holdfast';
import * as chaos from 'holdfast/chaos';
import * as demo from 'holdfast/demo';
import * as dialects from 'holdfast/dialects';
import * as effects from 'holdfast/effects';
import * as explore from 'holdfast/explore';
import * as faults from 'holdfast/faults';
import * as inject from 'holdfast/inject';
import * as jest from 'holdfast/jest';
import * as logic from 'holdfast/logic';
import * as matchers from 'holdfast/matchers';
import * as nodeTest from 'holdfast/node-test';
import * as playwright from 'holdfast/playwright';
import * as probes from 'holdfast/probes';
import * as report from 'holdfast/report';
import * as simulation from 'holdfast/simulate';
import * as time from 'holdfast/time';
import * as trace from 'holdfast/trace';
import * as vitest from 'holdfast/vitest';
import * as waitForExpect from 'holdfast/wait-for-expect';
import manifest from '../../package.json' with { type: 'json' };

test('every sub-path of the package has types, and this file knows all of them', () => {
  expectTypeOf(chaos.runScenario).toBeFunction();
  expectTypeOf(core.operation).toBeFunction();
  expectTypeOf(demo.demoApp).toBeFunction();
  expectTypeOf(dialects.location).toBeObject();
  expectTypeOf(effects.settled).toBeFunction();
  expectTypeOf(explore.explore).toBeFunction();
  expectTypeOf(faults.plan).toBeFunction();
  expectTypeOf(inject.webhookSender).toBeFunction();
  expectTypeOf(jest.expect).toBeFunction();
  expectTypeOf(logic.judge).toBeFunction();
  expectTypeOf(matchers.toEventuallySucceed.name).toBeString();
  expectTypeOf(nodeTest.expect).toBeFunction();
  expectTypeOf(playwright.test).toBeFunction();
  expectTypeOf(probes.poll).toBeFunction();
  expectTypeOf(report.message).toBeFunction();
  expectTypeOf(simulation.simulate).toBeFunction();
  expectTypeOf(time.virtualClock).toBeFunction();
  expectTypeOf(trace.parseTrace).toBeFunction();
  expectTypeOf(vitest.expect).toBeFunction();
  expectTypeOf(waitForExpect.default).toBeFunction();
  expectTypeOf<keyof typeof manifest.exports>().toEqualTypeOf<
    | '.'
    | './chaos'
    | './demo'
    | './dialects'
    | './effects'
    | './explore'
    | './faults'
    | './inject'
    | './jest'
    | './logic'
    | './matchers'
    | './node-test'
    | './package.json'
    | './playwright'
    | './probes'
    | './scenario.schema.json'
    | './report'
    | './simulate'
    | './time'
    | './trace'
    | './vitest'
    | './wait-for-expect'
  >();
});

test('nothing that is exported is any', () => {
  type AnyKeys<M> = { [K in keyof M]: 0 extends 1 & M[K] ? K : never }[keyof M];
  expectTypeOf<AnyKeys<typeof core>>().toBeNever();
  expectTypeOf<AnyKeys<typeof demo>>().toBeNever();
  expectTypeOf<AnyKeys<typeof dialects>>().toBeNever();
  expectTypeOf<AnyKeys<typeof jest>>().toBeNever();
  expectTypeOf<AnyKeys<typeof logic>>().toBeNever();
  expectTypeOf<AnyKeys<typeof matchers>>().toBeNever();
  expectTypeOf<AnyKeys<typeof nodeTest>>().toBeNever();
  expectTypeOf<AnyKeys<typeof playwright>>().toBeNever();
  expectTypeOf<AnyKeys<typeof probes>>().toBeNever();
  expectTypeOf<AnyKeys<typeof report>>().toBeNever();
  expectTypeOf<AnyKeys<typeof time>>().toBeNever();
  expectTypeOf<AnyKeys<typeof trace>>().toBeNever();
  expectTypeOf<AnyKeys<typeof vitest>>().toBeNever();
});
