/** What a push probe is put into, so that the laws of all of them can be tried on it. */
import type { Channel, Message } from '../../src/probes/index.ts';
import type { Push } from '../../src/watch/index.ts';

/** A message as the system under test sends it. */
export interface Sent {
  readonly id: string;
  readonly data: unknown;
}

/** One probe, not yet opened, and the other end of what it listens to. */
export interface ProbeStart {
  readonly probe: Push | Channel;
  /** Sends as the system under test would. Resolves when it is sent; whether it was heard is for the laws to find out. */
  readonly send: (message: Sent) => Promise<void>;
  /** Sends what is no message at all, byte for byte; without it, the garbage is sent as the data of messages. */
  readonly garbage?: (content: Uint8Array) => Promise<void>;
  /** Breaks the connection, as a network or a server that dies would. */
  readonly interrupt?: () => Promise<void>;
  /** Ends the connection in order, as a server that has had enough would. */
  readonly endInOrder?: () => Promise<void>;
  /** Ends all that `start` has begun, but not the probe. */
  readonly stop: () => Promise<void>;
}

/** How a push probe is tried; one file of `probes/`, named like the probe, exports one as `world`. */
export interface ProbeWorld {
  readonly name: string;
  /** Whether what it needs of this machine is there; it says itself what is missing (`enabled` in test/setup/needs.ts). */
  readonly needs?: () => boolean | Promise<boolean>;
  /** The most bytes of one message here; 2 MB by default. */
  readonly largest?: number;
  /** Whether only text can be sent here. */
  readonly textOnly?: boolean;
  /** What was sent, out of a message that wraps it; without it, a message's id and data are those that were sent. */
  readonly told?: (message: Message) => Partial<Sent>;
  /** How a message that comes again under its id is told: twice, twice with its `attempt`, or once. */
  readonly again?: 'twice' | 'counted' | 'once';
  /** Laws that are not for it, each with the reason. */
  readonly except?: Readonly<Record<string, string>>;
  /** A start whose probe is to notice silence, and whose other end says nothing once it is connected. */
  readonly startSilent?: () => Promise<ProbeStart>;
  /** Whether it listens again after an interruption. */
  readonly comesBack?: boolean;
  /** Begins what all its starts share, such as a server, before the first of them. */
  readonly share?: () => Promise<{ stop(): Promise<void> }>;
  readonly start: () => Promise<ProbeStart>;
}
