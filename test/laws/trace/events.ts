/** Random events of every kind: what any source could hand to a trace. */
import fc from 'fast-check';
import { plain, type Event } from '../../../src/trace/index.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('constructor', '__proto__', 'toString', 'línea\u2028\n"', '\ud800'));
const value: fc.Arbitrary<unknown> = fc
  .anything({ maxDepth: 2, withDate: true, withMap: true, withSet: true })
  .map((any) => plain(any) ?? null);
const body = fc.oneof(
  text,
  fc.base64String().map((base64) => ({ base64 })),
);
const headers = fc.array(fc.tuple(text, text), { maxLength: 3 });
const id = fc.constantFrom('a', 'b', 'c');
const optional = { requiredKeys: [] };

const all: Record<Event['kind'], fc.Arbitrary<object>> = {
  request: fc.record(
    { exchange: id, method: text, url: text, headers, body, truncated: fc.boolean() },
    { requiredKeys: ['exchange', 'method', 'url', 'headers'] },
  ),
  response: fc.record({ exchange: id, status: fc.nat(599), headers, body }, { requiredKeys: ['exchange', 'status', 'headers'] }),
  'no-response': fc.record({ exchange: id, reason: text, message: text }, { requiredKeys: ['exchange', 'reason'] }),
  call: fc.record({ call: id, name: text, input: value }, { requiredKeys: ['call', 'name'] }),
  return: fc.record(
    { call: id, outcome: fc.constantFrom('ok', 'fail', 'unknown'), output: value },
    { requiredKeys: ['call', 'outcome'] },
  ),
  state: fc.record(
    {
      state: text,
      ending: fc.constantFrom('success', 'failure', 'cancelled'),
      raw: value,
      progress: fc.double({ min: 0, max: 100, noNaN: true }).map((n) => n + 0),
      partial: value,
      result: value,
      error: value,
    },
    { requiredKeys: ['state'] },
  ),
  value: fc.record({ value }, optional),
  message: fc.record({ id: text, type: text, headers, data: value, raw: body, attempt: fc.nat() }, optional),
  error: fc.record({ message: text, name: text, status: fc.nat(599), body }, { requiredKeys: ['message'] }),
  fault: fc.record({ fault: text, action: value }),
  healed: fc.record({ fault: text }),
  link: fc.record({ operation: id, keys: fc.array(id) }),
  tick: fc.record({ looks: fc.nat(), largestGap: fc.nat() }, optional),
  end: fc.record({ reason: text }),
  note: fc.record({ text }),
};

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  ...Object.entries(all).map(([kind, rest]) => rest.map((fields) => ({ kind, ...fields }) as Event)),
);
