/**
 * Network namespaces for kernel tests: this process moves into a new one, which is removed when the process ends.
 * Later sockets and child processes belong to that namespace; no link leads out of it.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;
const libc = koffi.load('libc.so.6');
let entered = false;

/** Moves the main thread of this process into a fresh namespace with only a loopback interface, which is up. Once. */
export function enterFreshNamespace(): void {
  if (entered) return;
  if (!isMainThread) throw new Error('a namespace is entered on the main thread');
  const before = readlinkSync('/proc/self/ns/net');
  const unshare = libc.func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error(`unshare: errno ${koffi.errno()}; kernel tests need root`);
  if (readlinkSync('/proc/thread-self/ns/net') === before) throw new Error('still in the old namespace');
  entered = true;
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
}

/**
 * Moves the main thread of this process into a named namespace (`ip netns`), until the function that is returned is
 * called. Sockets that were open before stay where they were.
 */
export function enterNamespace(name: string): () => void {
  if (!isMainThread) throw new Error('a namespace is entered on the main thread');
  const setns = libc.func('int setns(int fd, int type)');
  const enter = (fd: number) => {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns ${name}: errno ${koffi.errno()}`);
  };
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${name}`, 'r');
  enter(there);
  closeSync(there);
  return () => {
    enter(home);
    closeSync(home);
  };
}

/** Runs an nft script in the namespace of this process and returns its output. Throws with nft's own message. */
export function nft(script: string, options: readonly string[] = []): string {
  return execFileSync('nft', [...options, '-f', '-'], {
    input: script,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}

/** What `nft … list ruleset` prints in the namespace of this process. */
export function listRuleset(options: readonly string[] = []): string {
  return execFileSync('nft', [...options, 'list', 'ruleset'], { encoding: 'utf8', maxBuffer: 1 << 28 });
}
