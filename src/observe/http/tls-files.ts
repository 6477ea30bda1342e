import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';

/** PEM files. */
export interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Milliseconds between readings. A mounted Secret changes by links, which file watches miss. */
const INTERVAL = 10_000;

/** Throws if the files are unreadable or do not match. */
export async function readKeyPair({ certificate, key }: TlsPaths): Promise<KeyPair> {
  const pair = { cert: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  createSecureContext(pair);
  return pair;
}

/**
 * Updates the server's pair whenever the files change, until the signal aborts. If they are unusable, the previous pair
 * stays.
 *
 * @param trouble gets the fault of the files; null: they are usable again
 */
export async function keepKeyPair(
  server: Pick<Server, 'setSecureContext'>,
  paths: TlsPaths,
  first: KeyPair,
  trouble: (message: string | null) => void,
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await sleep(INTERVAL, signal);
    if (signal.aborted) return;
    try {
      const next = await readKeyPair(paths);
      if (next.cert !== current.cert || next.key !== current.key) server.setSecureContext(next);
      current = next;
      trouble(null);
    } catch (error) {
      trouble(keyPairTrouble(paths, error));
    }
  }
}

export function keyPairTrouble({ certificate, key }: TlsPaths, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `${certificate} and ${key} are no certificate with its key: ${why}`;
}
