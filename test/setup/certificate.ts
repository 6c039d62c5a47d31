/** A certificate for `localhost` and `127.0.0.1`, signed by itself, as `openssl` makes it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns both in PEM; empty where `openssl` is not there */
export function certificate(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificate-'));
  try {
    const made = spawnSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
      ],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(folder, 'key'), '-out', join(folder, 'cert')],
    ]);
    const [key = '', cert = ''] =
      made.status === 0 ? ['key', 'cert'].map((name) => readFileSync(join(folder, name), 'utf8')) : [];
    return { key, cert };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
