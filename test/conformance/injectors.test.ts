/** Every injector that stands between a client and a server, in the world that its file makes for it, against the laws of each deed. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { plan, type Entry } from '../../src/faults/index.ts';
import { ABILITIES, faultyFetch } from '../../src/inject/index.ts';
import { DEEDS, heals, tells } from './injectors/laws.ts';
import { shop, type InjectorStart, type InjectorWorld } from './injectors/world.ts';

const folder = join(import.meta.dirname, 'injectors');
const files = readdirSync(folder).filter((file) => file.endsWith('.world.ts'));
const worlds = await Promise.all(
  files.map(async (file) => {
    const { world } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href)) as {
      readonly world: InjectorWorld;
    };
    return { file, world, can: [...ABILITIES[world.name as keyof typeof ABILITIES]] };
  }),
);

async function held(world: InjectorWorld, entry: Entry, holds: (start: InjectorStart) => Promise<void>): Promise<InjectorStart> {
  const start = await world.start(plan({ seed: 7 }, entry));
  try {
    await holds(start);
  } finally {
    await start.stop();
  }
  return start;
}

test('each world is named like its file, and each deed that is done has a law', () => {
  expect(worlds.map(({ world }) => `${world.name}.world.ts`)).toEqual(files);
  expect(files.length).toBeGreaterThan(2);
  expect(worlds.flatMap(({ can }) => can).filter((deed) => DEEDS[deed] === undefined)).toEqual([]);
});

describe.each(worlds)('$world.name', ({ world, can }) => {
  test.for(can)('%s', async (deed) => {
    const law = DEEDS[deed]!;
    const start = await held(world, world.entries?.[deed] ?? law.entry, (one) => law.holds(one));
    expect(() => tells(start)).not.toThrow();
  });

  test.for(can)('healed of %s', async (deed) => {
    const start = await held(world, world.entries?.[deed] ?? DEEDS[deed]!.entry, heals);
    expect(start.injected.run.isHealed).toBe(true);
  });

  const cannot = Object.keys(DEEDS).filter((deed) => !(can as readonly string[]).includes(deed));
  // One that can do all has nothing to refuse.
  const refuses = cannot.length === 0 ? [] : [cannot];
  test.for(refuses)('what it cannot do is refused before anything listens', async (deeds) => {
    for (const deed of deeds)
      await expect((async () => world.start(plan({}, DEEDS[deed]!.entry)))()).rejects.toMatchObject({ code: 'cannot-inject' });
  });
});

describe('an injector that tells a harm and does none breaks', () => {
  const idle: InjectorWorld = {
    name: 'idle',
    async start(what) {
      const server = await shop();
      const { to, asked } = server;
      const injected = faultyFetch({ plan: what });
      const ask = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        injected.run.strike({ method: 'GET', path: '/', host: new URL(to).host, peer: 'fetch' }).done();
        return fetch(input, init);
      };
      const stop = async (): Promise<void> => {
        await injected.close();
        await server.close();
      };
      return { injected, url: to, fetch: ask, asked, stop };
    },
  };

  test.each(Object.entries(DEEDS).filter(([deed]) => deed !== 'refuse-tls'))('the law of %s', async (_, law) => {
    await expect(held(idle, law.entry, (start) => law.holds(start, 200))).rejects.toThrow(/./);
  });

  test('the law of what is told', async () => {
    const start = await held(idle, DEEDS['delay']!.entry, () => Promise.resolve());
    expect(() => tells(start)).toThrow('no harm was told');
  });
});
