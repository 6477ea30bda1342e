import { z } from '@hono/zod-openapi';
import { type Api, get } from '../route.ts';
import * as schemas from '../schemas.ts';
import type { AgentView } from '../view.ts';

const place = z.string().max(600);

const question = z.object({
  from: place
    .optional()
    .openapi({ description: 'who sends: an address, pod/shop/web-0, node/a', example: 'pod/shop/web-0' }),
  to: place
    .optional()
    .openapi({ description: 'where to: an address, svc/shop/web:http', example: 'svc/shop/web:http' }),
  proto: place.optional().openapi({ description: 'tcp, udp or sctp; default: that of the port, else tcp' }),
  family: place.optional().openapi({ description: 'ipv4 or ipv6, where both ends have both' }),
  port: place.optional().openapi({ description: 'a number, or the name of a port of a Service' }),
  interface: place
    .optional()
    .openapi({ description: 'by which it comes in, where pods are told by an interface', example: 'cali12' }),
  family: place.optional().openapi({ description: 'ipv4 or ipv6, where both ends have addresses of both' }),
});

export function explainRoutes(app: Api, view: AgentView): void {
  get(app, {
    path: '/explain',
    summary: 'What happens to a packet, and why, step by step',
    query: question,
    answer: schemas.walk,
    handle: (asked) => view.explain(given(asked)),
  });
  get(app, {
    path: '/describe',
    summary: 'The same as lines of 80 columns',
    query: question,
    answer: schemas.lines,
    handle: (asked) => view.describe(given(asked)),
  });
}

function given(asked: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asked).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
