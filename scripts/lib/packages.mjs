/** Whether the installed packages are those of the lock file. Pure, and in the JavaScript of Node 14. */
import { createHash } from 'node:crypto';

/**
 * What is written beside the installed packages, to be compared the next time. Names the platform, because native parts differ:
 * a folder shared with a container holds the packages of one of the two.
 *
 * @param {string} lockText the text of `package-lock.json`
 * @param {string} platform such as `linux-x64`
 * @returns {string}
 */
export function stampOf(lockText, platform) {
  return `${createHash('sha256').update(lockText).digest('hex')} ${platform}\n`;
}

/**
 * @param {{ lockText: string, stamp: string | undefined, installedText: string | undefined, platform: string }} found
 *   `installedText` is npm's own record, `node_modules/.package-lock.json`
 * @returns {'fresh' | 'unstamped' | 'missing' | 'stale'} `unstamped`: the packages are right, but installed by hand
 */
export function packagesState({ lockText, stamp, installedText, platform }) {
  if (installedText === undefined) return 'missing';
  if (stamp === stampOf(lockText, platform)) return 'fresh';
  if (stamp !== undefined && stamp.trim().split(' ')[1] !== platform) return 'stale';
  return sameTree(lockText, installedText) ? 'unstamped' : 'stale';
}

/**
 * @param {string} lockText
 * @param {string} installedText
 * @returns {boolean}
 */
function sameTree(lockText, installedText) {
  /** @type {Record<string, { version?: string, integrity?: string, optional?: boolean, peer?: boolean }>} */
  let wanted;
  /** @type {typeof wanted} */
  let installed;
  try {
    wanted = JSON.parse(lockText).packages || {};
    installed = JSON.parse(installedText).packages || {};
  } catch {
    return false;
  }
  const same = (/** @type {string} */ path) => {
    const a = wanted[path];
    const b = installed[path];
    return a !== undefined && b !== undefined && a.version === b.version && a.integrity === b.integrity;
  };
  return (
    Object.keys(installed).every(same) &&
    // npm leaves out the optional packages of other platforms.
    Object.keys(wanted).every((path) => path === '' || (wanted[path] || {}).optional === true || same(path))
  );
}

/**
 * The last lines of a tool's output, for a person who has to find out why it failed.
 *
 * @param {string} output
 * @param {number} [lines]
 * @returns {string}
 */
export function tail(output, lines = 15) {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join('\n');
}
