import fc from 'fast-check';
import { expect, test } from 'vitest';
import { demoApp, sqliteStore, type Bug, type DemoApp, type Services } from '../../../src/demo/index.ts';
import { all } from '../../../src/demo/db.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { SEED } from '../../setup/law.ts';

const HOUR = 3_600_000;

/** What becomes of an attempt: received, refused, never answered, or received while the answer is lost. */
type Fate = 'taken' | 'refused' | 'silent' | 'lost';

const never = (): Promise<never> => new Promise<never>(() => undefined);

/** What happens one after the other: Ann moves money, the server dies and another starts, or time goes by. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant('move' as const) },
  { weight: 1, arbitrary: fc.constant('die' as const) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 20_000 }) },
);
const story = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 25 }),
  // Ten failures of one event would end its subscription; these are the fates of all attempts before the receiver is well.
  fates: fc.array(fc.constantFrom<Fate>('taken', 'refused', 'silent', 'lost'), { maxLength: 8 }),
});

test('whatever receivers do and whenever servers die, every event is received, and each subject in order', async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ steps, fates }) => {
      const [clock, store] = [virtualClock(), sqliteStore(':memory:')];
      const received: [subject: string, id: string, body: string][] = [];
      const left = [...fates];
      const send: Services['fetch'] = async (_input, init) => {
        const fate = left.shift() ?? 'taken';
        if (fate === 'silent') return never();
        if (fate === 'refused') return new Response(null, { status: 500 });
        const body = init?.body as string;
        const { data } = JSON.parse(body) as { data: { subject: string } };
        received.push([data.subject, String(new Headers(init?.headers).get('webhook-id')), body]);
        if (fate === 'lost') throw new TypeError('fetch failed');
        return new Response(null, { status: 204 });
      };
      let kill = (): void => undefined;
      const live = (): DemoApp => {
        let dead = false;
        kill = () => void (dead = true);
        const mortal: Bug = {
          name: 'mortal',
          family: 'exactly-once',
          story: '',
          plant: ({ db }) => ({
            db: {
              ...db,
              transact: async (work) => (dead ? never() : db.transact(work)),
              single: async (work) => (dead ? never() : db.single(work)),
            },
          }),
        };
        return demoApp({ clock, random: seeded(7), store, send, fetch: never, bugs: [mortal] }).start();
      };
      let app = live();
      const post = async (path: string, body: object, token = ''): Promise<Record<string, string>> => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
        const { authorization: _none, ...plain } = headers;
        const init = { method: 'POST', body: JSON.stringify(body), headers: token === '' ? plain : headers };
        return (await (await app.fetch(path, init)).json()) as Record<string, string>;
      };
      await clock.run(async () => {
        const { token = '' } = await post('/login', { user: 'ann', password: 'ann-demo' });
        await post('/subscriptions', { url: 'http://receiver.test/', types: '*' }, token);
        for (const one of steps) {
          if (typeof one === 'number') await clock.sleep(one);
          else if (one === 'move') await post('/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 1 }, token);
          else {
            kill();
            app = live();
          }
        }
        await clock.sleep(48 * HOUR);
        const rows = await store.db.single(() =>
          all<{ id: string; state: string }>('SELECT id, state FROM deliveries ORDER BY n'),
        );
        expect(rows.map(({ state }) => state)).toEqual(rows.map(() => 'delivered'));
        expect([...new Set(received.map(([, id]) => id))].toSorted()).toEqual(rows.map(({ id }) => id));
        // By the first time that each came, and always with the same bytes.
        const firsts = received.filter(([, id], i) => received.findIndex(([, other]) => other === id) === i);
        for (const subject of new Set(firsts.map(([one]) => one))) {
          const ids = firsts.filter(([one]) => one === subject).map(([, id]) => id);
          expect(ids).toEqual(ids.toSorted());
        }
        expect(new Set(received.map(([, id, body]) => `${id} ${body}`)).size).toBe(firsts.length);
        await app.close();
      });
      await store.close();
    }),
    { seed: SEED, numRuns: 150 },
  );
}, 60_000);
