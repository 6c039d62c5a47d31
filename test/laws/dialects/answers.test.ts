import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAcceptance } from '../../../src/dialects/accept.ts';
import type { Dialect } from '../../../src/dialects/dialect.ts';
import * as dialects from '../../../src/dialects/index.ts';
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { chooseReading, READING_NAMES, readAs } from '../../../src/dialects/readings.ts';
import { HarnessError } from '../../../src/errors.ts';
import { rejudge, settle } from '../../../src/logic/index.ts';
import { nameOf, resolved, statusLine, type Answer } from '../../../src/probes/exchange.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { meaningIn, parseTrace, wordIn, type EventOf, type StateWords } from '../../../src/trace/index.ts';
import { watch } from '../../../src/watch/index.ts';
import { law, lawAsync } from '../../setup/law.ts';

const ALL: readonly Dialect[] = Object.values(dialects);
const SECRET = 's3cret';

const status = fc.oneof(
  // Those that accept decide most.
  fc.constantFrom(201, 202),
  fc.constantFrom(200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 400, 401, 404, 409, 410, 422, 429, 500, 503),
);
const word = fc.oneof(
  fc.constantFrom('queued', 'running', 'Succeeded', 'failed', 'cancelled', 'active', 'shipped', '', 'constructor', '__proto__'),
  fc.string({ maxLength: 8 }),
);
const address = fc.oneof(
  fc.constantFrom(
    '/op/1',
    'op/1',
    '//other.test/op',
    'http://api.test/op/2',
    '',
    ' ',
    'ftp://api.test/',
    'http://[',
    'http://',
    '?x=1',
    '#y',
  ),
  fc.webUrl(),
  fc.string({ maxLength: 12 }).filter((text) => /^[\t\u0020-\u007e]*$/.test(text)),
);
/** The same, with a secret in it wherever one may stand. */
const secretAddress = fc.constantFrom(
  `/op/1?sig=${SECRET}`,
  `http://ann:${SECRET}@api.test/op/2`,
  `https://other.test/op?page=1&access_token=${SECRET}#key=${SECRET}`,
  `//ann:${SECRET}@other.test/op`,
  `ftp://ann:${SECRET}@api.test/?code=${SECRET}`,
);
/** What a body of one dialect or another has, with anything in its place. */
const anything = fc.oneof(
  word,
  fc.constantFrom(
    null,
    true,
    false,
    0,
    1,
    3,
    -1,
    50,
    100,
    101,
    2 ** 53,
    'operations/1',
    'a/operations/x y',
    '/op/1',
    'Bundle',
    'batch-response',
    'OperationOutcome',
  ),
  fc.jsonValue({ maxDepth: 1 }),
);
const orAnything = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 4, arbitrary: value }, anything);
const link = fc.record(
  { rel: fc.oneof(fc.constantFrom('results', 'self', 'x/results'), anything), href: anything },
  { requiredKeys: [] },
);
const issue = fc.record(
  { severity: fc.constantFrom('error', 'fatal', 'warning', 3), code: fc.constantFrom('transient', 'invalid', null) },
  { requiredKeys: [] },
);
const entry = fc.record(
  {
    response: orAnything(
      fc.record({ status: fc.oneof(fc.constantFrom('200 OK', '404', '999'), anything), outcome: anything }, { requiredKeys: [] }),
    ),
    resource: anything,
  },
  { requiredKeys: [] },
);
const spoken = fc.oneof(
  fc.record(
    {
      name: fc.oneof(fc.constantFrom('operations/1', 'p/operations/2', ''), anything),
      done: fc.oneof(fc.boolean(), anything),
      response: anything,
      error: orAnything(
        fc.record({ code: fc.oneof(fc.constantFrom(1, 3), anything), message: fc.string() }, { requiredKeys: [] }),
      ),
      metadata: orAnything(fc.record({ state: anything, progressPercent: anything }, { requiredKeys: [] })),
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      data: orAnything(
        fc.record(
          {
            id: anything,
            attributes: orAnything(fc.record({ status: anything, state: anything, error: anything }, { requiredKeys: [] })),
          },
          { requiredKeys: [] },
        ),
      ),
      errors: anything,
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      jobID: anything,
      status: fc.oneof(fc.constantFrom('accepted', 'running', 'successful', 'failed', 'dismissed'), anything),
      progress: anything,
      exception: anything,
      links: orAnything(fc.array(orAnything(link), { maxLength: 3 })),
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      properties: orAnything(fc.record({ provisioningState: anything }, { requiredKeys: [] })),
      provisioningState: anything,
      resourceLocation: anything,
    },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      resourceType: anything,
      type: anything,
      issue: orAnything(fc.array(orAnything(issue), { maxLength: 3 })),
      entry: orAnything(fc.array(orAnything(entry), { maxLength: 2 })),
    },
    { requiredKeys: [] },
  ),
  fc.record(
    { status: anything, url: anything, self: anything, _links: anything, percent_complete: anything, data: anything },
    { requiredKeys: [] },
  ),
);
const json = fc.oneof(
  spoken,
  fc.record(
    {
      status: fc.oneof(word, fc.anything({ maxDepth: 1 })),
      state: word,
      id: fc.anything({ maxDepth: 1 }),
      progress: fc.oneof(fc.double(), fc.string()),
      result: fc.jsonValue({ maxDepth: 1 }),
      error: fc.jsonValue({ maxDepth: 1 }),
      title: fc.string(),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const body = fc.oneof(
  json.map((value) => JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? ''),
  fc.constantFrom(
    'HTTP/1.1 200 OK\r\n\r\n{}',
    'HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n',
    'HTTP/1.1 999',
    'HTTP/1.1 200 OK\n\nnot json',
    '\r\n\r\n',
  ),
  fc.constantFrom('', 'null', '{"__proto__":{"status":"succeeded"}}', '{"status":', '<html>', '\uFEFF{"status":"running"}', '[]'),
  fc.string({ maxLength: 12 }),
);
const type = fc.constantFrom(
  undefined,
  'application/json',
  'application/problem+json',
  'application/vnd.api+json',
  'application/fhir+json',
  'application/http',
  'text/plain',
  'text/html',
);

const headersWith = (anAddress: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> =>
  fc.record(
    {
      location: anAddress,
      'operation-location': anAddress,
      'content-location': anAddress,
      'azure-asyncoperation': anAddress,
      'odata-version': fc.constantFrom('4.0', '4.01'),
      asyncresult: fc.constantFrom('200', '422', '20', '999', 'soon', ''),
      'x-progress': fc.constantFrom('40%', '40.5 % done', '140%', 'soon', ''),
      'preference-applied': fc.constantFrom('respond-async', 'wait=3', 'respond-async, wait=3', 'x-respond-async', ''),
      etag: fc.constantFrom('"1"', 'W/"2"', '"'),
      'retry-after': fc.constantFrom('0', '1', '-1', '1.5', 'soon', '99999999999', 'Mon, 01 Jan 2024 00:00:01 GMT'),
    },
    { requiredKeys: [] },
  );

interface Told {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const toldWith = (anAddress: fc.Arbitrary<string>): fc.Arbitrary<Told> =>
  fc.record({ status, headers: headersWith(anAddress), body, type }).map(({ type: mediaType, headers, ...rest }) => ({
    ...rest,
    headers: { ...headers, ...(mediaType === undefined ? {} : { 'content-type': mediaType }) },
  }));

const answerOf = ({ status: code, headers, body: text }: Told): Answer => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const url = 'http://api.test/reports';
  return { method: 'POST', url, status: code, statusText: '', headers: new Headers(headers), text, json: value };
};

const responseOf = ({ status: code, headers, body: text }: Told): Response =>
  new Response(code === 204 || code === 304 ? null : text, { status: code, headers });

const words: fc.Arbitrary<StateWords> = fc.record({
  states: fc.constantFrom({}, { active: 'success' as const }, { shipped: 'pending' as const, failed: 'success' as const }),
  field: fc.constantFrom(undefined, 'state', 'result.status', '__proto__', ''),
});

/** The answers are random, so what must hold depends on them: said as one condition, with its name. */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it does not hold: ${what}`);
}

/** Those that go by a status in the body, whatever the status of the answer. */
const BODY_TELLS = new Set([
  'operation-location',
  'azure-async',
  'aip-151',
  'json-api',
  'ogc-processes',
  'resource-status',
  'location',
]);

/** Those that read the words of common use, wherever they stand. */
const COMMON = new Set(['job-resource', 'resource-status']);

/** What `act` ends with: a value, or a refusal; anything else that is thrown breaks the law. */
function outcome<T>(act: () => T): T | HarnessError {
  try {
    return act();
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
}

const told = (event: EventOf<'state'> | undefined): unknown =>
  event && [event.ending, event.ending === undefined ? event.state : ''];

describe.each(ALL)('the dialect $name', (dialect) => {
  test('names a monitor that the answer has, or none, and never throws', () => {
    law(toldWith(address), (reply) => {
      const answer = answerOf(reply);
      const fields = [...answer.headers.values()];
      const moved = dialect.moved?.(answer);
      must(moved === undefined || fields.includes(moved), 'it moved to what stands in a field');
      const fit = dialect.accepts(answer);
      must(fit === undefined || fit.monitor !== undefined || fit.state?.ending !== undefined, 'it goes on somewhere, or ended');
      must(fit?.monitor !== '' && fit?.other !== '', 'an address is not empty');
    });
  });

  test('chosen by the caller, it is followed or refused, and no other is read', () => {
    law(fc.tuple(toldWith(address), words), ([reply, said]) => {
      const read = outcome(() => readAcceptance(answerOf(reply), { chosen: dialect.name, words: said }));
      if (read instanceof HarnessError)
        return must(['dialect-mismatch', 'invalid-url', 'start-redirected'].includes(read.code), read.code);
      if (read.kind === 'ended') {
        const isOver =
          dialect.prefer !== undefined ||
          dialect.accepts(answerOf(reply))?.state?.ending !== undefined ||
          /wait=|^respond-async/.test(reply.headers['preference-applied'] ?? '');
        return must(reply.status >= 400 || isOver, 'only a refusal ends at once, and what may be answered at once');
      }
      expect(read.dialect).toBe(dialect);
      expect(URL.canParse(read.url)).toBe(true);
    });
  });

  test('says of any answer whether it is gone, whether it tells all the same, and where the result is', () => {
    law(fc.tuple(toldWith(address), fc.option(toldWith(address), { nil: undefined })), ([reply, first]) => {
      const answer = answerOf(reply);
      const isGone = dialect.gone(answer);
      must(!isGone || answer.status >= 400, 'what is there is not gone');
      must(dialect.tells?.(answer) !== true || answer.status >= 400, 'only an error is in doubt');
      const at = dialect.result?.(answer, first === undefined ? undefined : answerOf(first));
      must(at === undefined || at !== '', 'an address is not empty');
      dialect.id?.(answer);
    });
  });

  test('an answer of its monitor is read the same twice, and never both goes on and has ended', () => {
    law(fc.tuple(toldWith(address), words, fc.option(toldWith(address), { nil: undefined })), ([reply, said, first]) => {
      const { read } = dialect;
      const acceptance = first === undefined ? undefined : answerOf(first);
      const look = (): unknown =>
        outcome(() =>
          read === 'first-answer'
            ? chooseReading(answerOf(reply), READING_NAMES, acceptance, said).event
            : read(answerOf(reply), { words: said, acceptance }),
        );
      const event = look();
      expect(look()).toEqual(event);
      // A word outside of an envelope and another within it are refused by all who read words of common use.
      if (event instanceof HarnessError)
        return must((read === 'first-answer' || COMMON.has(dialect.name)) && event.code === 'ambiguous-reading', event.code);
      const state = (event ?? {}) as Partial<EventOf<'state'>>;
      must(state.kind !== 'state' || (state.state ?? '') !== '', 'a state has a name');
      must(state.ending !== 'success' || state.error === undefined, 'a success has no error');
      must(
        reply.status !== 202 ||
          state.ending === undefined ||
          first !== undefined ||
          said.field !== undefined ||
          BODY_TELLS.has(dialect.name),
        '202 goes on',
      );
      must(reply.status < 400 || state.ending !== 'success', 'an error of HTTP is no success');
    });
  });
});

describe('a dialect whose first answer decides', () => {
  test('is read, or refused with both candidates: two that disagree are never guessed between', () => {
    law(fc.tuple(toldWith(address), words, fc.option(toldWith(address), { nil: undefined })), ([reply, said, acceptance]) => {
      const answer = answerOf(reply);
      const each = READING_NAMES.map((name) => outcome(() => readAs(name, answer, said)));
      const chosen = outcome(() =>
        chooseReading(answer, READING_NAMES, acceptance === undefined ? undefined : answerOf(acceptance), said),
      );
      if (each.some((event) => event instanceof HarnessError)) {
        // An envelope tells one state and what it wraps another: no reading tells which of them counts.
        must(each[READING_NAMES.indexOf('status-code')] instanceof HarnessError === false, 'a status code is one alone');
        return must(
          chosen instanceof HarnessError && chosen.message.includes("{ statusField: 'data."),
          'the fields are candidates',
        );
      }
      const events = each as (EventOf<'state'> | undefined)[];
      const word = acceptance === undefined ? undefined : wordIn(answerOf(acceptance).json, said.field)?.word;
      const isPromised = word !== undefined && meaningIn(word, said.states) === 'pending';
      if (chosen instanceof HarnessError) {
        must(chosen.code === 'ambiguous-reading', chosen.code);
        for (const name of READING_NAMES) must(chosen.message.includes(`{ reading: '${name}' }`), `${name} is a candidate`);
        return must(isPromised || !events.includes(undefined), 'both readings fit');
      }
      // Who told states in the body before has not ended by an answer without one.
      if (
        isPromised &&
        events[READING_NAMES.indexOf('body-status')] === undefined &&
        reply.status < 300 &&
        ![202, 204].includes(reply.status)
      )
        return must(chosen.event?.kind !== 'state' || chosen.event.ending === undefined, 'what was promised is waited for');
      // What it tells is what one of the readings tells.
      expect(events.map(told)).toContainEqual(told(chosen.event as EventOf<'state'> | undefined));
      const disagree = events.every((event) => event !== undefined) && events[0]!.ending !== events[1]!.ending;
      must(!disagree || chosen.reading === 'body-status', 'evidence is for the body alone');
    });
  });
});

test('two readings that disagree, and no evidence for either, are refused', () => {
  // A body with a status alone, and an answer that says nothing more; the words that only jobs have are evidence.
  const evident = /^(queued|accepted|pending|notstarted|submitted|scheduled|inprogress|processing|executing)$/i;
  law(fc.tuple(word, fc.constantFrom(200, 202)), ([state, code]) => {
    const text = JSON.stringify({ status: state });
    const answer = answerOf({ status: code, headers: {}, body: text });
    const [body, byCode] = READING_NAMES.map((name) => readAs(name, answer, { states: {}, field: undefined }));
    if (body === undefined || byCode?.ending === body.ending || evident.test(state.replaceAll(/[\s_-]/g, ''))) return;
    const read = outcome(() => chooseReading(answer, READING_NAMES, undefined, { states: {}, field: undefined }));
    expect(read).toMatchObject({ code: 'ambiguous-reading' });
  });
});

test('an acceptance is read or refused: two monitors that disagree are never guessed between', () => {
  law(fc.tuple(toldWith(address), words), ([reply, said]) => {
    const answer = answerOf(reply);
    const read = outcome(() => readAcceptance(answer, { chosen: undefined, words: said }));
    const fits = ALL.map((dialect) => dialect.accepts(answer)).filter((fit) => fit !== undefined);
    const own = fits.filter(({ sign }) => sign === 'own');
    const usable = fits.filter(({ sign }) => sign !== 'chosen');
    const whole = (at: string): string => resolved(at, answer.url) ?? at;
    const others = new Set((own.length > 0 ? own : usable).flatMap(({ other }) => (other === undefined ? [] : [whole(other)])));
    const named = new Set(usable.flatMap(({ monitor }) => (monitor === undefined ? [] : [whole(monitor)])));
    const rivals = [...named].filter((at) => !others.has(at));
    const code = read instanceof HarnessError ? read.code : undefined;
    must(reply.status >= 300 || rivals.length < 2 || code === 'ambiguous-acceptance', 'two monitors are refused');
    must(reply.status !== 202 || named.size > 0 || code === 'nothing-to-follow', 'none is refused');
    const atLocation = answer.status === 201 && dialects.location.accepts(answer) !== undefined;
    must(!atLocation || usable.length > 0 || code === 'ambiguous-acceptance', '201 with Location is refused');
    if (read instanceof HarnessError) return must(read.hint !== '', 'a refusal says how to mend it');
    // A status of 4xx or 5xx is never a success.
    must(reply.status < 400 || read.event?.ending === 'failure', 'a refusal by the provider is a failure');
  });
});

describe('an operation on a provider that answers anything', () => {
  const options: fc.Arbitrary<OperationOptions> = fc.record(
    {
      dialect: fc.constantFrom(...Object.values(dialects).map(({ name }) => name), 'sync' as const),
      reading: fc.constantFrom(...READING_NAMES),
      statusField: fc.constantFrom('state', 'a.b'),
    },
    { requiredKeys: [] },
  );

  const run = async (
    answers: readonly Told[],
    more: OperationOptions,
  ): Promise<{ jsonl: string; errors: unknown[]; asked: string[] }> => {
    const clock = virtualClock();
    let count = 0;
    const asked: string[] = [];
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      asked.push(`${init.method} ${url}`);
      await clock.sleep(1);
      return responseOf(answers[Math.min(count++, answers.length - 1)]!);
    };
    const errors: unknown[] = [];
    const start = {
      url: `http://api.test/reports?token=${SECRET}`,
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}` },
    };
    const op = operation(start, { clock, fetch, headers: { cookie: SECRET, 'x-api-key': SECRET }, ...more });
    await clock.run(async () => {
      for (const act of [() => watch(op, settle(), { within: '200ms' }), () => op.result(), () => op.cancel(), () => op.accepted])
        await act().catch((error: unknown) => errors.push(error));
    });
    return { jsonl: op.trace.toJSONL(), errors, asked };
  };

  test('ends with a judgement or a refusal, sends the start once, and its recording judges the same', async () => {
    await lawAsync(fc.tuple(fc.array(toldWith(address), { minLength: 1, maxLength: 4 }), options), async ([answers, more]) => {
      const { jsonl, errors, asked } = await run(answers, more);
      for (const error of errors) expect(['HarnessError', 'ContractViolation', 'StartFailed']).toContain((error as Error).name);
      // One dialect cancels by POST, elsewhere.
      expect(asked.filter((one) => one === `POST http://api.test/reports?token=${SECRET}`)).toHaveLength(1);
      const trace = parseTrace(jsonl);
      expect(rejudge(trace)).toEqual(trace.header.claims.map((claim) => claim.judgement));
      expect(trace.toJSONL()).toBe(jsonl);
    });
  });

  test('keeps the secrets of addresses and header fields out of the trace and of every message', async () => {
    await lawAsync(
      fc.tuple(fc.array(toldWith(secretAddress), { minLength: 1, maxLength: 4 }), options),
      async ([answers, more]) => {
        const { jsonl, errors } = await run(answers, more);
        expect(jsonl).not.toContain(SECRET);
        for (const error of errors) expect(`${String(error)} ${(error as HarnessError).hint}`).not.toContain(SECRET);
      },
    );
  });

  test('asks other origins without what it was given for its own', async () => {
    await lawAsync(fc.array(toldWith(fc.oneof(secretAddress, address)), { minLength: 1, maxLength: 4 }), async (answers) => {
      const clock = virtualClock();
      let count = 0;
      const leaked: string[] = [];
      const fetch = async (url: string, init: RequestInit): Promise<Response> => {
        const sent = JSON.stringify([...new Headers(init.headers)]);
        if (new URL(url).origin !== 'http://api.test' && sent.includes(SECRET)) leaked.push(url);
        await clock.sleep(1);
        return responseOf(answers[Math.min(count++, answers.length - 1)]!);
      };
      const secrets = { authorization: SECRET, cookie: SECRET, 'x-anything': SECRET };
      const op = operation(
        { url: 'http://api.test/reports', method: 'POST', headers: secrets },
        { clock, fetch, headers: secrets },
      );
      await clock.run(async () => {
        for (const act of [() => watch(op, settle(), { within: '200ms' }), () => op.result(), () => op.cancel()])
          await act().catch(() => undefined);
      });
      expect(leaked).toEqual([]);
    });
  });
});

test('an answer is told in one line of bounded length, without secrets', () => {
  law(toldWith(secretAddress), (reply) => {
    const answer = answerOf({ ...reply, body: JSON.stringify({ title: 'x'.repeat(100_000) }) });
    expect(statusLine(answer).length).toBeLessThan(700);
    expect(nameOf({ method: 'GET', url: `http://ann:${SECRET}@api.test/?sig=${SECRET}` })).not.toContain(SECRET);
  });
});
