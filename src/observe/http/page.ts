import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serveStatic } from '@hono/node-server/serve-static';
import type { MiddlewareHandler } from 'hono';

/** The built page, `dist/ui`, seen from the compiled sources and from the TypeScript sources. */
const FOLDERS = ['../../ui/', '../../../dist/ui/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** The page may only ask this agent. Its UI library sets inline styles. */
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

/** Their names change with their contents. */
const HASHED = /\/assets\//;

/** Null if the page was not built. */
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
