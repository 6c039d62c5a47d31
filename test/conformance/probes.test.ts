/** Every push probe, in the world that its file in `probes/` makes for it, against the laws of all of them. */
import { readdirSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageOf } from '../../src/probes/broker.ts';
import { tell, type Message } from '../../src/probes/channel.ts';
import { systemClock } from '../../src/time/index.ts';
import type { OpenContext, Push } from '../../src/watch/index.ts';
import { FOLDERS } from '../../scripts/lib/indexes.mjs';
import { LAWS } from './laws.ts';
import type { ProbeStart, ProbeWorld, Sent } from './world.ts';

const folder = join(import.meta.dirname, 'probes');
const files = readdirSync(folder).filter((file) => file.endsWith('.world.ts'));
const worlds = await Promise.all(
  files.map(async (file) => {
    const { world } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href)) as { readonly world: ProbeWorld };
    return { file, world, runs: (await world.needs?.()) ?? true };
  }),
);

test('each world is named like its file', () => {
  expect(worlds.map(({ world }) => `${world.name}.world.ts`)).toEqual(files);
  expect(files.length).toBeGreaterThan(5);
});

/** Probes that have no world, each with the reason. */
const WITHOUT: Readonly<Record<string, string>> = {
  attempt: 'it is asked, and no push probe: test/unit/watch tries what holds of all that are asked',
  httpStatus: 'it is asked: its conformance is that of the dialects',
  poll: 'it is asked',
  exchanges:
    'it is told no messages: it looks on while others exchange theirs, which are all that it tells (test/unit/probes/exchanges.test.ts)',
};

test('each probe has a world, or the reason why it has none', () => {
  const { path, support } = FOLDERS.find((one) => one.path === 'src/probes')!;
  const probes = readdirSync(join(import.meta.dirname, '../..', path))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((name) => name !== 'index' && !support.includes(name));
  expect(withoutWorld(probes, files)).toEqual([]);
  // One that was just written.
  expect(withoutWorld([...probes, 'pigeon'], files)).toEqual(['pigeon']);
  expect(Object.keys(WITHOUT).filter((name) => !probes.includes(name))).toEqual([]);
});

function withoutWorld(probes: readonly string[], all: readonly string[]): readonly string[] {
  return probes.filter((name) => !(name in WITHOUT) && !all.includes(`${name}.world.ts`));
}

test('laws that are not for a probe are laws', () => {
  const named = worlds.flatMap(({ world }) => Object.keys(world.except ?? {}));
  expect(named.filter((name) => !(name in LAWS))).toEqual([]);
});

describe.each(worlds)('$world.name', ({ world, runs }) => {
  let shared: { stop(): Promise<void> } | undefined;
  beforeAll(async () => {
    if (runs) shared = await world.share?.();
  });
  afterAll(async () => shared?.stop());

  test.runIf(runs).for(Object.entries(LAWS).filter(([name]) => world.except?.[name] === undefined))('%s', async ([, holds]) => {
    await expect(holds(world)).resolves.toBeUndefined();
  });
});

/** How a probe is broken, to see the laws fail; without any of these it is a good one. */
interface Faults {
  readonly opensTooEarly?: boolean;
  readonly drops?: (n: number) => boolean;
  readonly twice?: boolean;
  readonly changes?: (data: string) => string;
  readonly onlyTheLast?: boolean;
  readonly goesOn?: boolean;
  readonly statesNothing?: boolean;
  readonly noKeys?: boolean;
  readonly throwsOnGarbage?: boolean;
  readonly keepsAll?: boolean;
  readonly leavesSocket?: boolean;
  readonly cutsSilently?: boolean;
  readonly once?: boolean;
  /** It notices silence. */
  readonly watchful?: boolean;
  readonly deaf?: boolean;
  readonly hidesInterruptions?: boolean;
  readonly staysAway?: boolean;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A probe by lines of text on a socket, and a server that sends every line to all who are connected. */
function planted(faults: Faults, more: Partial<ProbeWorld> = {}): ProbeWorld {
  return {
    name: 'planted',
    comesBack: true,
    ...more,
    startSilent: () => planted({ ...faults, watchful: faults.deaf !== true }).start(),
    async start() {
      const sockets = new Set<Socket>();
      const server: Server = createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
        socket.write('welcome\n');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const cut = (): void => {
        for (const socket of sockets) socket.destroy();
      };
      const sendLine = async (bytes: Uint8Array): Promise<void> => {
        for (const socket of sockets) socket.write(`${Buffer.from(bytes).toString('base64')}\n`);
      };
      const left = new Set<Socket>();
      return {
        probe: lines(port, faults, left),
        send: ({ id, data }: Sent) => sendLine(Buffer.from(JSON.stringify({ id, ...(data as object) }))),
        garbage: sendLine,
        interrupt: async () => cut(),
        endInOrder: async () => cut(),
        async stop() {
          cut();
          for (const socket of left) socket.destroy();
          await new Promise((resolve) => server.close(resolve));
        },
      };
    },
  };
}

function lines(port: number, faults: Faults, left: Set<Socket>): Push {
  let latest: OpenContext['record'] | undefined;
  const options = {
    ...(faults.statesNothing === true ? { state: false as const } : {}),
    ...(faults.noKeys === true ? { keys: () => [] } : {}),
  };
  return {
    name: 'planted',
    async open(context) {
      const own: OpenContext['record'] = (event, keys) => context.record(event, keys);
      latest = own;
      let n = 0;
      let over = false;
      const known = new Set<string>();
      const cancel =
        faults.watchful === true ? systemClock.after(50, () => own({ kind: 'error', message: 'it has been silent' })) : undefined;
      let socket: Socket | undefined;
      const hear = (line: string): void => {
        const record = faults.onlyTheLast === true ? latest! : own;
        if (faults.drops?.(n++) === true) return;
        const content = Buffer.from(line, 'base64');
        if (faults.throwsOnGarbage === true && !content.toString().startsWith('{"id":"')) return;
        const read: Writable<Message> = messageOf(
          faults.changes === undefined ? content : Buffer.from(faults.changes(content.toString())),
          {},
        );
        const id = String(read.id);
        if (faults.once === true && known.has(id)) return;
        known.add(id);
        if (faults.cutsSilently === true && typeof read.data === 'object') {
          read.data = { ...read.data, text: '' };
          delete read.truncated;
        }
        const message = faults.keepsAll === true ? { ...read, raw: content.toString() } : read;
        for (let times = faults.twice === true ? 2 : 1; times > 0; times--) tell(record, message, options);
      };
      const dial = (): Promise<void> =>
        new Promise((resolve) => {
          let rest = '';
          socket = connect(port, '127.0.0.1');
          socket.on('error', () => undefined);
          socket.on('data', (chunk) => {
            const parts = (rest + chunk.toString()).split('\n');
            rest = parts.pop() ?? '';
            for (const part of parts) {
              if (part === 'welcome') resolve();
              else hear(part);
            }
          });
          socket.on('close', () => {
            if (over) return;
            if (faults.hidesInterruptions !== true) own({ kind: 'error', message: 'lost' });
            if (faults.staysAway !== true) void dial();
          });
        });
      if (faults.opensTooEarly === true) void dial();
      else await dial();
      return {
        done: new Promise(() => undefined),
        async [Symbol.asyncDispose]() {
          over = true;
          cancel?.();
          if (faults.goesOn === true) left.add(socket!);
          else if (faults.leavesSocket === true) left.add(socket!.removeAllListeners('data'));
          else socket?.destroy();
        },
      };
    },
  };
}

/** Enough for what comes, on a machine that stalls, where a fault is that something never comes. */
const SOON = { patience: 1_000 };
const WAITS = /as soon as open|received \(|with the id|on each|what is its own|interruption|hear again|of the silence/;

describe('the laws', () => {
  test.for(Object.entries(LAWS))('are kept by a good probe: %s', async ([, holds]) => {
    await expect(holds(planted({}))).resolves.toBeUndefined();
  });

  const broken: readonly (readonly [law: keyof typeof LAWS, what: string, faults: Faults, says: RegExp])[] = [
    ['nothing sent after open is missed', 'opens too early', { opensTooEarly: true }, /sent as soon as open had resolved/],
    ['nothing sent after open is missed', 'drops the first message', { drops: (n) => n === 0 }, /sent as soon as open/],
    ['each message is one observation, in order', 'drops the second message', { drops: (n) => n === 1 }, /expected m-/],
    ['each message is one observation, in order', 'tells each twice', { twice: true }, /expected m-/],
    [
      'ids and data arrive as sent',
      'changes data',
      { changes: (data) => data.replace('0.1', '0.2') },
      /expected the data .*0\.1/,
    ],
    ['ids and data arrive as sent', 'changes ids', { changes: (data) => data.replace('"id":"', '"id":"x') }, /with the id m-/],
    ['several subjects on one probe', 'tells the last who opened it alone', { onlyTheLast: true }, /on each of two subjects/],
    ['several subjects on one probe', 'goes on when it is closed', { goesOn: true }, /nothing after it was closed/],
    [
      'a message that tells a state decides a claim',
      'tells no state',
      { statesNothing: true },
      /by an observation, received (undecided|violated)/,
    ],
    ['keys tie to an operation', 'tells no keys', { noKeys: true }, /what is its own|with the key/],
    ['garbage is observed and breaks nothing', 'drops what it cannot read', { throwsOnGarbage: true }, /messages of garbage/],
    ['garbage is observed and breaks nothing', 'keeps all of it', { keepsAll: true }, /a bound on what is kept/],
    ['a repetition is told as one', 'leaves out what it knows', { once: true }, /to be told twice, received it 1 times/],
    ['the largest message is told, and bounded', 'keeps all of it', { keepsAll: true }, /a bound on what is kept of one message/],
    [
      'the largest message is told, and bounded',
      'cuts without a word',
      { cutsSilently: true },
      /expected a mark that it was cut/,
    ],
    ['nothing is told after its end', 'goes on', { goesOn: true }, /expected nothing after its end/],
    ['silence is noticed where that is promised', 'is deaf to it', { deaf: true }, /an observation of the silence/],
    ['closing leaves nothing open', 'leaves its socket', { leavesSocket: true }, /left open: \d × TCPSocketWrap/],
    ['an interruption is observed', 'hides it', { hidesInterruptions: true }, /observation of the interruption/],
    ['an interruption is observed', 'does not come back', { staysAway: true }, /hear again/],
    ['an end in order is observed', 'hides it', { hidesInterruptions: true }, /observation of the interruption/],
  ];
  test.for([
    ['tells no attempts', 'counted', /expected the attempts 1, 2/],
    ['tells it twice', 'once', /to be told once, received it 2 times/],
  ] as const)('a repetition is told as one: not by one that %s where it is to be %s', async ([, again, says]) => {
    await expect(LAWS['a repetition is told as one']!(planted({}, { again }))).rejects.toThrow(says);
  });

  test('a repetition is told as one: not by one that tells its state again', async () => {
    const counting = planted({}, { again: 'counted' });
    const start = async (): Promise<ProbeStart> => {
      const started = await counting.start();
      let n = 0;
      const open: Push['open'] = (context) =>
        started.probe.open({
          ...context,
          record: (event, keys) => context.record(event.kind === 'message' ? { ...event, attempt: ++n } : event, keys),
        });
      return { ...started, probe: { name: 'planted', open } };
    };
    const told: ProbeWorld['told'] = ({ data }) => ({ id: (data as { id: string }).id, data });
    const world = { ...counting, start, told };
    await expect(LAWS['a repetition is told as one']!(world)).rejects.toThrow(/one state of what came twice, received 2/);
  });

  test.each(broken)('%s: not by one that %s', async (name, _, faults, says) => {
    await expect(LAWS[name]!(planted(faults), WAITS.test(says.source) ? SOON : undefined)).rejects.toThrow(says);
  });
});
