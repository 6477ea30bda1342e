import { useSyncExternalStore } from 'react';

/**
 * Path and question both follow the `#`: `#/explain?from=…`. Addresses are shareable, whatever path the page is served
 * below, and the agent does not handle them.
 */
export function useHashPath(): [string, (to: string, options?: { readonly replace?: boolean }) => void] {
  return [useSyncExternalStore(subscribe, path), go];
}

/** Used by the router for links. */
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
