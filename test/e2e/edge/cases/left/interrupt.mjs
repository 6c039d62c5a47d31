/** Runs a project, and cancels the run as Ctrl-C does at a terminal, as soon as its test says that it waits. */
import { existsSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import { createVitest } from 'vitest/node';

const [config = '', project = '', begun = ''] = process.argv.slice(2);
const vitest = await createVitest('test', { config, project, watch: false, run: true });
let over = false;
const running = vitest.start().finally(() => (over = true));
while (!existsSync(begun) && !over) await later(10);
await vitest.cancelCurrentRun('keyboard-input');
await running;
await vitest.close();
