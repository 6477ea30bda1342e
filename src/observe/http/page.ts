import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serveStatic } from '@hono/node-server/serve-static';
import type { MiddlewareHandler } from 'hono';

/** The built page, `dist/ui`: beside the compiled sources, and where `npm run build` puts it for these. */
const FOLDERS = ['../../ui/', '../../../dist/ui/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** What the page may do: ask this agent, and nothing and nobody else. Its UI library sets styles of its own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Files whose names change with their contents. */
const HASHED = /\/assets\//;

/** Serves the page's files; null where it was not built. */
export function pageFiles(): MiddlewareHandler | null {
  const root = FOLDERS.find((folder) => existsSync(`${folder}index.html`));
  if (root === undefined) return null;
  const files = serveStatic({ root });
  return async (context, next) => {
    const answer = await files(context, next);
    if (!(answer instanceof Response)) return answer; // there is no such file
    answer.headers.set('Content-Security-Policy', POLICY);
    const isHashed = HASHED.test(context.req.path);
    answer.headers.set('Cache-Control', isHashed ? 'private, max-age=31536000, immutable' : 'no-cache');
    return answer;
  };
}
