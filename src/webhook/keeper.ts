import type { JsonRecord } from '../base/json.ts';
import { isRecord, listAt, recordAt, textAt } from '../base/json.ts';
import { ApiError } from '../kube-api/api-error.ts';
import type { ApiClient } from '../kube-api/client.ts';
import { certificatesIn, type Held, renewed } from './authority.ts';
import type { KeyedCertificate } from './certificate.ts';

export interface KeptNames {
  /** The Secret that holds keys and certificates. It exists already: a right to create Secrets has no name. */
  readonly namespace: string;
  readonly secret: string;
  /** The ValidatingWebhookConfiguration whose `caBundle` is kept. */
  readonly configuration: string;
  /** DNS names of the certificate; the API server asks for the first, `SERVICE.NAMESPACE.svc`. */
  readonly dnsNames: readonly string[];
}

export interface KeeperListener {
  /** To be served from now on. Called again only for another one. */
  adopt(serving: KeyedCertificate, held: Held): void;
  renewed(what: 'authority' | 'certificate'): void;
  /** The present trouble; null: none. Called when it changes. */
  trouble(message: string | null): void;
}

/** Milliseconds without data after which a request fails. */
const IDLE = 10_000;
const ANSWER_LIMIT = 4 << 20;

/** Writes that another replica was faster with; more in a row mean that something else is wrong. */
const CONFLICTS_MOST = 5;

/**
 * Keeps the certificate of a webhook and the API server's trust in it. All replicas do the same: the Secret is the
 * truth, each write names the version that it replaces, and who loses reads again. A certificate is served only when the
 * configuration trusts its authority.
 */
export class CertificateKeeper {
  readonly #client: ApiClient;
  readonly #names: KeptNames;
  readonly #listener: KeeperListener;
  readonly #now: () => number;
  #served = '';
  #trouble: string | null = null;

  /** @param now milliseconds since the epoch */
  constructor(client: ApiClient, names: KeptNames, listener: KeeperListener, now: () => number) {
    this.#client = client;
    this.#names = names;
    this.#listener = listener;
    this.#now = now;
  }

  /** Looks once, and does what is due. False after a failure, which the listener is told: try again soon. */
  async look(signal: AbortSignal): Promise<boolean> {
    try {
      const held = await this.#held(signal);
      const isConfigured = await this.#trust(held, signal);
      if (held.serving.certificate !== this.#served) {
        this.#served = held.serving.certificate;
        this.#listener.adopt(held.serving, held);
      }
      const { configuration } = this.#names;
      this.#tell(isConfigured ? null : `there is no ValidatingWebhookConfiguration ${configuration}`);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#tell(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** What the Secret holds, after everything that is due was renewed. */
  async #held(signal: AbortSignal): Promise<Held> {
    const { namespace, secret: name, dnsNames } = this.#names;
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    for (let conflicts = 0; ; ) {
      const secret = await this.#read(path, signal);
      if (secret === null) throw new Error(`there is no Secret ${namespace}/${name}`);
      const held = heldIn(secret);
      const next = renewed(held, dnsNames, this.#now());
      if (next === null && held !== null) return held;
      if (next === null) throw new Error(`the Secret ${namespace}/${name} cannot be read`);
      const isWritten = await this.#write(path, { ...secret, data: dataOf(next) }, signal);
      if (isWritten)
        this.#listener.renewed(next.authorities[0] === held?.authorities[0] ? 'certificate' : 'authority');
      else if (++conflicts >= CONFLICTS_MOST)
        throw new Error(`the Secret ${namespace}/${name} changes all the time`);
    }
  }

  /** Makes the API server trust every authority. False: there is no configuration, as after an uninstallation. */
  async #trust({ authorities }: Held, signal: AbortSignal): Promise<boolean> {
    const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${this.#names.configuration}`;
    const bundle = Buffer.from(authorities.join('')).toString('base64');
    for (let conflicts = 0; conflicts < CONFLICTS_MOST; conflicts++) {
      const configuration = await this.#read(path, signal);
      if (configuration === null) return false;
      const webhooks = listAt(configuration, 'webhooks').filter(isRecord);
      if (webhooks.every((each) => textAt(recordAt(each, 'clientConfig'), 'caBundle') === bundle))
        return true;
      const trusting = webhooks.map((each) => {
        return { ...each, clientConfig: { ...recordAt(each, 'clientConfig'), caBundle: bundle } };
      });
      if (await this.#write(path, { ...configuration, webhooks: trusting }, signal)) return true;
    }
    throw new Error(`the ValidatingWebhookConfiguration ${this.#names.configuration} changes all the time`);
  }

  async #read(path: string, signal: AbortSignal): Promise<JsonRecord | null> {
    try {
      const object = await this.#client.json({ path }, signal, IDLE, ANSWER_LIMIT);
      return isRecord(object) ? object : null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /** False: another writer was faster. The object names the version that it replaces. */
  async #write(path: string, body: JsonRecord, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#client.json({ method: 'PUT', path, body }, signal, IDLE, ANSWER_LIMIT);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return false;
      throw error;
    }
  }

  #tell(message: string | null): void {
    if (message === this.#trouble) return;
    this.#trouble = message;
    this.#listener.trouble(message);
  }
}

/** Null: the Secret is empty, or not all of it is there. */
function heldIn(secret: JsonRecord): Held | null {
  const data = recordAt(secret, 'data');
  const text = (key: string) => Buffer.from(textAt(data, key), 'base64').toString('utf8');
  const authorities = certificatesIn(text('ca.crt'));
  const [authorityKey, certificate, key] = [text('ca.key'), text('tls.crt'), text('tls.key')];
  if (authorities.length === 0 || authorityKey === '') return null;
  return { authorities, authorityKey, serving: { certificate, key } };
}

function dataOf({ authorities, authorityKey, serving }: Held): Record<string, string> {
  const texts = {
    'ca.crt': authorities.join(''),
    'ca.key': authorityKey,
    'tls.crt': serving.certificate,
    'tls.key': serving.key,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}
