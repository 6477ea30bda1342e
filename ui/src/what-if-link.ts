import type { WhatIfQuestion } from '../../src/forms/what-if.ts';

/** Browsers and chats cut longer addresses. */
const LONGEST_LINK = 8_000;
/** Characters of a question in a link: a small text may unfold to a huge one. */
const LARGEST_UNFOLDED = 1 << 20;

/** The page's address with the question in it, which no server gets to see; null: too long for a link. */
export async function whatIfHref(question: WhatIfQuestion): Promise<string | null> {
  const bytes = new TextEncoder().encode(JSON.stringify(question));
  const packed = await collected(through(bytes, new CompressionStream('deflate-raw')), bytes.length + 1024);
  if (packed === null || packed.length > LONGEST_LINK) return null;
  const code = btoa(String.fromCharCode(...packed))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');
  const href = `/what-if?change=${code}`;
  return href.length > LONGEST_LINK ? null : href;
}

/** The question of an address; null: there is none, or it is damaged. */
export async function whatIfOf(search: string): Promise<WhatIfQuestion | null> {
  const code = new URLSearchParams(search).get('change');
  if (code === null) return null;
  try {
    const text = atob(code.replace(/-/g, '+').replace(/_/g, '/'));
    const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const bytes = await collected(through(packed, new DecompressionStream('deflate-raw')), LARGEST_UNFOLDED);
    return bytes === null ? null : questionIn(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** A link comes from anywhere: only what a question has is taken from it. */
function questionIn(value: unknown): WhatIfQuestion | null {
  if (typeof value !== 'object' || value === null) return null;
  const { manifests, delete: deletions, connections } = value as Record<string, unknown>;
  const texts = (list: unknown) =>
    Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
  const named = (Array.isArray(manifests) ? manifests : []).flatMap((item: unknown) => {
    const { name, text } = (item ?? {}) as Record<string, unknown>;
    return typeof name === 'string' && typeof text === 'string' ? [{ name, text }] : [];
  });
  return { manifests: named, delete: texts(deletions), connections: connections === true };
}

function through(bytes: Uint8Array<ArrayBuffer>, by: CompressionStream | DecompressionStream) {
  return new Blob([bytes]).stream().pipeThrough(by);
}

/** Null: more bytes than `most`. */
async function collected(stream: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array | null> {
  const reader = stream.getReader();
  const pieces: number[] = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return Uint8Array.from(pieces);
    for (const byte of value) pieces.push(byte);
    if (pieces.length <= most) continue;
    await reader.cancel();
    return null;
  }
}
