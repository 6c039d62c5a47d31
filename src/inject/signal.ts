import { startOf, type Undo } from './undo.ts';

/**
 * Lets a process go on, if it is still the one that was stopped.
 *
 * @returns whether it was there
 */
export function undoBySignal({ pid, started }: Extract<Undo, { by: 'signal' }>): boolean {
  return sent(pid, started, 'SIGCONT');
}

/** Signals a process that began at that moment, and no other with its number. @returns whether it was there */
export function sent(pid: number, started: string, signal: NodeJS.Signals): boolean {
  if (startOf(pid) !== started) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
