import { HarnessError } from '../errors.ts';
import { MAX_REAL_WAIT_MS, turnOfTheLoop } from '../time/outside.ts';
import { systemClock, type VirtualClock } from '../time/index.ts';

/** How many turns of the event loop must go by without anything on its way, before time goes on. */
const QUIET_TURNS = 3;

/**
 * What is on real sockets, between a client that has sent and a server that has not got it, or back. Virtual time stands still as long:
 * a request that waits in its server's handler is not on its way, and time may go on for it.
 */
export class Transit {
  readonly #clock: VirtualClock;
  readonly #fail: (error: HarnessError) => void;
  readonly #going = new Map<string, string>();
  #isHeld = false;

  constructor(clock: VirtualClock, fail: (error: HarnessError) => void) {
    this.#clock = clock;
    this.#fail = fail;
  }

  /** @param what names it, should it never arrive */
  begin(id: string, what: string): void {
    this.#going.set(id, what);
    this.stir();
  }

  end(id: string): void {
    if (this.#going.delete(id)) this.stir();
  }

  /** Something happened on a socket: time stands still until it has been quiet for some turns. */
  stir(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    void this.#clock.hold(this.#quiet());
  }

  async #quiet(): Promise<void> {
    const since = systemClock.now();
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = this.#going.size === 0 ? quiet + 1 : 0) {
      await turnOfTheLoop();
      if (systemClock.now() - since <= MAX_REAL_WAIT_MS) continue;
      const [what = 'a request'] = this.#going.values();
      this.#going.clear();
      this.#fail(
        new HarnessError(
          'real-wait',
          `${what} has been on its way for ${MAX_REAL_WAIT_MS} ms of the machine, and has not arrived`,
          'does its server wait for real time before it takes the request? Let it take its clock from the world',
        ),
      );
    }
    this.#isHeld = false;
  }
}
