/** What tests need of the machine that they run on. */
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/**
 * Whether tests that need something of the machine run. Where it is not there they skip, in one line; where `HOLDFAST_REQUIRE` (a list
 * such as `aptly,docker`) names it, that is an error.
 *
 * @param told what is skipped, and which command enables it
 */
export function enabled(need: string, there: boolean, told: string): boolean {
  if (there) return true;
  if (process.env['HOLDFAST_REQUIRE']?.split(',').includes(need) === true) throw new Error(`must not skip: ${told}`);
  console.log(`skipped: ${told}`);
  return false;
}

export function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((part) => join(part, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
