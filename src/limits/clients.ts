import { counted, reported } from './limit.ts';

const CUT =
  'the connection that has waited longest for a request is cut; if all of them are being answered, the new connection is cut';
const FIND = 'Find the clients: `ss -tnp` on the node lists them.';

/** What clients can take from the agent. */
export const clientLimits = {
  'socket-connections': reported({
    most: 256,
    unit: 'connections',
    of: "connections of root and the agent's own user to the agent's socket",
    beyond: CUT,
    remedy: 'Find the clients: `ss -xp` lists them. Close commands that do not read their answers.',
  }),
  'socket-connections-of-others': counted({
    most: 16,
    unit: 'connections',
    of: "connections of all other users to the agent's socket, which are refused with an answer",
    beyond: CUT,
  }),
  'socket-connections-of-another-user': counted({
    most: 4,
    unit: 'connections',
    of: "connections of one other user to the agent's socket",
    beyond: CUT,
  }),
  'http-connections-near': reported({
    most: 64,
    unit: 'connections',
    of: 'connections from this node to one address of the HTTP or health server',
    beyond: CUT,
    remedy: FIND,
  }),
  'http-connections-far': reported({
    most: 64,
    unit: 'connections',
    of: 'connections from elsewhere to one address of the HTTP or health server',
    beyond: CUT,
    remedy: `${FIND} Only monitoring and administrators need these ports: close them for others with a NetworkPolicy or a firewall.`,
  }),
  'http-connections-of-source': counted({
    most: 16,
    unit: 'connections',
    of: 'connections from one address elsewhere (IPv6: from one /64) to one address of the HTTP or health server',
    beyond: CUT,
  }),
  'health-check-connections-near': reported({
    most: 64,
    unit: 'connections',
    of: 'connections from this node to the health-check node ports of all Services',
    beyond: CUT,
    remedy: FIND,
  }),
  'health-check-connections-far': reported({
    most: 256,
    unit: 'connections',
    of: 'connections from elsewhere to the health-check node ports of all Services',
    beyond: CUT,
    remedy: `${FIND} Only load balancers need these ports: close them for others with a firewall.`,
  }),
  'health-check-connections-of-source': counted({
    most: 64,
    unit: 'connections',
    of: 'connections from one address elsewhere (IPv6: from one /64) to the health-check node ports of all Services',
    beyond: CUT,
  }),
  'connection-idle': counted({
    most: 8_000,
    unit: 'milliseconds',
    of: 'the time in which a connection carries no whole request: silence, half a TLS handshake, headers without end',
    beyond: 'the connection is cut',
  }),
  'requests-of-connection': counted({
    most: 1,
    unit: 'questions',
    of: 'requests of one connection that are answered at one time',
    beyond:
      'the connection is cut: only a client that does not wait for answers asks again before it has one',
  }),
  'answer-unread': counted({
    most: 30_000,
    unit: 'milliseconds',
    of: 'the time for which a client reads nothing of an answer',
    beyond: 'the connection is cut; from 2 s on it is cut if its place is wanted',
  }),
  'request-body-time': counted({
    most: 10_000,
    unit: 'milliseconds',
    of: "the time in which the body of a request arrives; three times as long on the agent's socket",
    beyond: 'the connection is cut',
  }),
  'question-bytes': counted({
    most: 1 << 20,
    unit: 'bytes',
    of: "a list of packets that explain is asked about, on the agent's socket; `knat explain --flows FILE` sends several",
    beyond: 'the question is refused with status 413',
  }),
  'posted-question-bytes': counted({
    most: 8 << 20,
    unit: 'bytes',
    of: 'a question of what-if',
    beyond: 'the question is refused with status 413',
  }),
  'posted-bodies-bytes': counted({
    most: 8 << 20,
    unit: 'bytes',
    of: 'all questions of what-if that are being received: above it, a client with more than its share is refused; questions up to 64 KiB never are',
    beyond: 'the question is refused with status 503',
  }),
  'token-lookups': reported({
    most: 20,
    unit: 'lookups',
    of: 'bearer tokens that the API server is asked about at once; one more is allowed every 200 ms',
    beyond: 'the request is refused with status 429',
    remedy:
      'Somebody sends many different tokens, or one token for many paths: knat_token_reviews_total counts the lookups. Close the ports for others with a NetworkPolicy or a firewall.',
  }),
  'token-answers': counted({
    most: 1_000,
    unit: 'records',
    of: "answers of the API server about tokens that are remembered, for 30 s if the token's owner may read, else for 10 s",
    beyond: 'the oldest is forgotten, and asked for again if it is needed',
  }),
} as const;
