import { useSyncExternalStore } from 'react';

/**
 * Path and question both stand behind the `#`: `#/explain?from=…`. So an address is one text to be shared, whatever
 * path the page itself is served below, and the agent need know nothing of it.
 */
export function useHashPath(): [string, (to: string, options?: { readonly replace?: boolean }) => void] {
  return [useSyncExternalStore(subscribe, path), go];
}

/** What the router puts into links. */
useHashPath.hrefs = (to: string) => `#${to}`;

export function useHashSearch(): string {
  return useSyncExternalStore(subscribe, search);
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

function go(to: string, { replace = false } = {}): void {
  if (replace) location.replace(`#${to}`);
  else location.hash = to;
}

function path(): string {
  return location.hash.replace(/^#/, '').replace(/\?.*$/, '') || '/';
}

function search(): string {
  return /\?(.*)$/.exec(location.hash)?.[1] ?? '';
}
