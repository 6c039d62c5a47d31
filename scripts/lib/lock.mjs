/** A lock between processes: a folder, because making one is atomic everywhere. In the JavaScript of Node 14. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A lock of another host, whose processes cannot be asked, is given up after this. */
const FOREIGN_LOCK_MS = 15 * 60_000;
/** A lock without an owner is one just being made; after this its maker has died in between. */
const NAMELESS_LOCK_MS = 5_000;
const LOOK_AGAIN_MS = 200;

/**
 * Whether a lock's owner has gone.
 *
 * @param {{ owner: string | undefined, ageMs: number, host: string, alive: (pid: number) => boolean }} lock
 * @returns {boolean}
 */
export function abandoned({ owner, ageMs, host, alive }) {
  const found = /^(\d+) (.*)$/.exec(owner || '');
  if (found === null) return ageMs > NAMELESS_LOCK_MS;
  return found[2] === host ? !alive(Number(found[1])) : ageMs > FOREIGN_LOCK_MS;
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {{ code?: string }} */ (error).code === 'EPERM';
  }
}

/** @param {string} file */
function ownerOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Runs `work` while no other process holds the lock.
 *
 * @template T
 * @param {string} folder the lock's place; its parent must exist
 * @param {() => T | Promise<T>} work
 * @param {(owner: string) => void} [onWait] called once when another holds it
 * @returns {Promise<T>}
 */
export async function withLock(folder, work, onWait) {
  const ownerFile = join(folder, 'owner');
  const me = `${process.pid} ${hostname()}`;
  let told = false;
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== 'EEXIST') throw error;
    }
    const owner = ownerOf(ownerFile);
    let ageMs = 0;
    try {
      ageMs = Date.now() - statSync(folder).mtimeMs;
    } catch {
      continue; // It has just been freed.
    }
    if (abandoned({ owner, ageMs, host: hostname(), alive })) {
      takeAway(folder, owner);
      continue;
    }
    if (!told && onWait !== undefined) onWait((owner || 'another process').split(' ')[0] || '');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  writeFileSync(ownerFile, me);
  const release = () => {
    if (ownerOf(ownerFile) === me) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/**
 * Moved aside before it is removed: of two who find the same dead lock, one moves it, and the other must not remove the
 * living lock that the first then makes.
 *
 * @param {string} folder
 * @param {string | undefined} owner
 */
function takeAway(folder, owner) {
  const aside = `${folder}.${process.pid}`;
  try {
    renameSync(folder, aside);
  } catch {
    return;
  }
  if (ownerOf(join(aside, 'owner')) === owner) {
    rmSync(aside, { recursive: true, force: true });
    return;
  }
  try {
    renameSync(aside, folder);
  } catch {
    rmSync(aside, { recursive: true, force: true });
  }
}
