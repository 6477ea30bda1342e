/** The page as people see it: a real agent, real connections, and a real browser beside it. It needs the build in dist/. */
/// <reference lib="dom" />
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ip } from '../generators/build.ts';
import { fillConntrack } from '../netns/fill-conntrack.ts';
import { nft } from '../netns/namespace.ts';
import { ORIGIN, PageStage, type Visit } from './page-stage.ts';

const SERVICES = 30_000;
const FLOWS = 100_000;
const PANELS = [
  'Traffic',
  'Pod bindings and conflicts',
  'Egress: NAT or not',
  'Port exhaustion',
  'Sync latency',
  'Recent events',
  'Flows',
];

/** Milliseconds. */
const POLL = { timeout: 45_000, interval: 250 };

let stage: PageStage;
let visits: Visit[] = [];

beforeAll(async () => {
  stage = await PageStage.build();
}, 180_000);
afterAll(async () => await stage?.dispose(), 60_000);

afterEach(async () => {
  const over = visits;
  visits = [];
  for (const visit of over) {
    await visit.close();
    expect(visit.complaints).toEqual([]);
    expect([...visit.origins]).toEqual([ORIGIN]);
  }
});

async function open(...args: Parameters<PageStage['open']>): Promise<Visit> {
  const visit = await stage.open(...args);
  visits.push(visit);
  return visit;
}

const rows = (visit: Visit, table: string) =>
  visit.page.getByRole('table', { name: table }).locator('[role=rowgroup] [role=row]');

test('flows are searched by the agent', async () => {
  const visit = await open();
  const { page } = visit;
  const search = page.getByRole('textbox', { name: 'search flows' });
  await search.fill('10.96.0.34');
  await rows(visit, 'flows').filter({ hasText: 'voice' }).first().waitFor();
  await expect
    .poll(
      async () => (await rows(visit, 'flows').allInnerTexts()).every((row) => row.includes('10.96.0.34')),
      POLL,
    )
    .toBe(true);
  await search.fill('nobody-is-called-this');
  await page.getByText('no translated connection matches').waitFor();
}, 120_000);

test('what-if: a pasted change is answered, leads to explain, and its address repeats it in another browser', async () => {
  const visit = await open('#/what-if');
  const { page } = visit;
  const manifest =
    '{apiVersion: knat.dev/v1, kind: IPPool, metadata: {name: partner}, spec: {cidr: 192.0.2.0/24}}';
  await page.getByRole('textbox', { name: 'Manifests that are applied' }).fill(manifest);
  await page.getByRole('textbox', { name: 'Objects that are deleted' }).fill('Service/shop/web');
  await page.getByRole('checkbox', { name: 'count existing connections' }).check();
  await page.getByRole('button', { name: 'Show' }).click();
  const web = page.getByRole('region', { name: 'Service shop/web', exact: true });
  await web.getByRole('row').nth(1).waitFor();
  expect(await web.innerText()).toContain('10.96.0.10');
  await page.getByText(/existing connections? of these packets/).waitFor();
  await visit.picture('what-if');

  const hash = new URL(page.url()).hash;
  expect(hash).toMatch(/^#\/what-if\?change=[\w-]+$/);
  const other = await open(hash);
  await other.page
    .getByRole('region', { name: 'Service shop/web', exact: true })
    .getByRole('row')
    .nth(1)
    .waitFor();
  expect(await other.page.getByRole('textbox', { name: 'Objects that are deleted' }).inputValue()).toBe(
    'Service/shop/web',
  );

  await web.getByRole('link', { name: 'explain' }).first().click();
  await page.getByRole('heading', { name: 'Explain a packet' }).waitFor();
  expect(await page.getByRole('textbox', { name: 'To' }).inputValue()).toMatch(
    /^(10\.96\.0\.10|203\.0\.113|\[fd00)/,
  );
}, 120_000);

test('explain: the form asks, and its address repeats the question in another browser', async () => {
  const visit = await open('#/explain');
  const { page } = visit;
  await page.getByRole('textbox', { name: 'From' }).fill('198.51.100.11');
  await page.getByRole('textbox', { name: 'To' }).fill('203.0.113.11:30080');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'way to' }).nth(1).waitFor();
  expect(new URL(page.url()).hash).toBe('#/explain?from=198.51.100.11&to=203.0.113.11%3A30080');
  await visit.picture('explain');
  const said = await page.getByRole('main').innerText();

  await page.reload();
  await page.getByRole('region', { name: 'way to' }).nth(1).waitFor();
  expect(await page.getByRole('main').innerText()).toBe(said);
  expect(await page.getByRole('textbox', { name: 'From' }).inputValue()).toBe('198.51.100.11');

  // Hints about objects that almost match appear too.
  await page.getByRole('textbox', { name: 'To' }).fill('203.0.113.11:30099');
  await page.keyboard.press('Enter');
  await page.getByRole('note').getByText('not with 30099/TCP').first().waitFor();
}, 120_000);

test('explain: rules of other programs are steps of the way, for a ping too, and the address repeats them', async () => {
  nft(`table inet site {
  chain entering {
    type filter hook input priority 0; policy accept;
    icmp type echo-request ip saddr 198.51.100.11 drop
    tcp dport 22 limit rate 1/hour reject
  }
}`);
  try {
    const visit = await open('#/explain?from=198.51.100.11&to=203.0.113.11&proto=icmp');
    const way = visit.page.getByRole('region', { name: 'way through the kernel' });
    await way.getByText('dropped', { exact: true }).waitFor();
    const said = await way.innerText();
    expect(said).toContain('(chain entering of table inet site)');
    expect(said).toContain('icmp type 8 ip saddr 198.51.100.11 drop');
    expect(said).not.toContain(':0');
    await visit.page.reload();
    await way.getByText('dropped', { exact: true }).waitFor();
    expect(await way.innerText()).toBe(said);

    // A rule that cannot be decided is named, with what it depends on.
    await visit.page.goto(`${ORIGIN}/#/explain?from=198.51.100.11&to=203.0.113.11%3A22`);
    await way.getByText('depends on a rate limit').waitFor();
    await way.getByText('refused', { exact: true }).waitFor();
    await way.getByText('reaches this node itself', { exact: true }).waitFor();
  } finally {
    nft('delete table inet site');
  }
}, 120_000);

test('trace: real packets appear while it runs, and the address repeats the question', async () => {
  const visit = await open('#/trace');
  const { page } = visit;
  await page.getByRole('textbox', { name: 'From' }).fill('198.51.100.11');
  await page.getByRole('textbox', { name: 'To' }).fill('203.0.113.11:30080');
  await page.getByRole('textbox', { name: 'Packets' }).fill('1');
  await page.getByRole('button', { name: 'Trace', exact: true }).click();
  const packet = page.getByRole('region', { name: 'packet 1' });
  await packet.getByText('Explain says the same').waitFor({ timeout: 45_000 });
  const said = await packet.innerText();
  expect(said).toContain('dnat');
  expect(said).toMatch(/Service \S+/);
  expect(said).toMatch(/left by \S+/);
  await visit.picture('trace');
  expect(new URL(page.url()).hash).toBe('#/trace?from=198.51.100.11&to=203.0.113.11%3A30080&count=1');
  // A link starts nothing by itself.
  await page.reload();
  await page.getByRole('button', { name: 'Trace', exact: true }).waitFor();
  expect(await page.getByRole('region').count()).toBe(0);
  expect(await page.getByRole('textbox', { name: 'To' }).inputValue()).toBe('203.0.113.11:30080');
}, 120_000);

test('history: what changed, with links that explain the packet before and after', async () => {
  const visit = await open('#/history');
  const { page } = visit;
  const entries = page.getByLabel('history');
  await entries.getByText('the agent started').waitFor();
  const edit = { file: 'web.yaml', from: '{addresses: [10.244.2.10], nodeName: node2,' } as const;
  stage.folder.edit({ ...edit, to: '{addresses: [10.244.2.17], nodeName: node2,' });
  try {
    await page.getByRole('textbox', { name: 'Object or address' }).fill('10.96.0.11:80');
    const show = async () => {
      await page.getByRole('textbox', { name: 'Object or address' }).press('Enter');
      return (await entries.innerText()).includes('10.244.2.17:8080');
    };
    await expect.poll(show, POLL).toBe(true);
    expect(new URL(page.url()).hash).toBe('#/history?address=10.96.0.11%3A80');
    await visit.picture('history');
    await page.getByRole('checkbox', { name: 'What it did to packets' }).check();
    await page.getByRole('button', { name: 'Show' }).click();
    await entries.getByRole('region').getByText('10.244.2.17:8080').first().waitFor();
    expect(new URL(page.url()).hash).toBe('#/history?address=10.96.0.11%3A80&packets=true');
    await page.goBack();
    for (const [link, endpoint] of [
      ['explain before', '10.244.2.10:8080'],
      ['explain after', '10.244.2.17:8080'],
    ] as const) {
      await entries.getByRole('link', { name: link }).first().click();
      await page.getByRole('textbox', { name: 'From' }).fill('10.244.1.12');
      await page.keyboard.press('Enter');
      await page.getByRole('note').getByText('The past: in force').waitFor();
      await page.getByRole('region', { name: `way to ${endpoint}` }).waitFor();
      expect(page.url()).toContain('&at=');
      await page.goBack();
      await page.goBack();
      await entries.first().waitFor();
    }
  } finally {
    stage.folder.edit({ file: edit.file, from: '10.244.2.17', to: '10.244.2.10' });
  }
}, 180_000);

test('the keyboard reaches every control, also that of the colours, and their choice stays', async () => {
  const { page } = await open('', { colorScheme: 'light' });
  await page.getByRole('table', { name: 'flows' }).waitFor();
  const reached = new Set<string>();
  for (let press = 0; press < 40; press++) {
    await page.keyboard.press('Tab');
    const focused = page.locator('*:focus');
    if ((await focused.count()) === 0) continue;
    const name = (await focused.getAttribute('aria-label')) ?? (await focused.innerText());
    if (name === 'switch to dark colours') await page.keyboard.press('Enter');
    reached.add(name);
  }
  for (const name of ['Overview', 'Entries', 'Explain', 'History', 'search flows', 'recent events'])
    expect(reached).toContain(name);
  await page.getByRole('button', { name: 'switch to light colours' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'switch to light colours' }).waitFor();
}, 120_000);

/** For each chart, whether it has painted pixels. Runs in the page. */
const PAINTED = `[...document.querySelectorAll('[role=img]')].map((chart) =>
  [...chart.querySelectorAll('canvas')].some((canvas) =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0)))`;

test('the overview, light and dark: all panels, from real connections', async () => {
  const visit = await open('', { colorScheme: 'light' });
  const { page } = visit;
  for (const title of PANELS) await page.getByRole('region', { name: title, exact: true }).waitFor();
  await page.getByText('in force').first().waitFor();
  // Names from manifests, addresses from conntrack.
  await rows(visit, 'flows').filter({ hasText: 'Pod shop/mail' }).first().waitFor();
  await page.getByRole('img', { name: /^connections: .*Service shop\/web/ }).waitFor();
  await page.getByRole('img', { name: /NAT of/ }).waitFor();
  await page.getByRole('img', { name: /^the slowest change/ }).waitFor();
  // The agent counts the ports soon after its start and then every half minute.
  await page.getByRole('progressbar').first().waitFor({ timeout: 90_000 });
  await page.getByRole('img', { name: /^connections: (.*;){4}/ }).waitFor();
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    const brightness = async () => {
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      return Math.max(...(background.match(/\d+/g) ?? []).slice(0, 3).map(Number));
    };
    await expect.poll(async () => (await brightness()) > 128, POLL).toBe(scheme === 'light');
    await page.waitForTimeout(500); // a chart of the previous colours may still be on the page
    await expect.poll(async () => await page.evaluate<boolean[]>(PAINTED), POLL).toEqual([true, true, true]);
    await visit.picture(`overview-${scheme}`);
  }
}, 200_000);

test(`the entries of ${SERVICES} services: found at once, few rows in the document`, async () => {
  writeFileSync(join(stage.folder.manifests, 'many.json'), JSON.stringify(manyServices(SERVICES)));
  const visit = await open('#/entries');
  const { page } = visit;
  await expect
    .poll(async () => Number(/^\d+/.exec(await page.getByRole('status').innerText())?.[0]), {
      ...POLL,
      timeout: 180_000,
    })
    .toBeGreaterThan(SERVICES);
  expect(await rows(visit, 'entries').count()).toBeLessThan(100);
  // Scrolling loads the next pages.
  for (let scrolls = 0; scrolls < 3; scrolls++) {
    await page
      .getByRole('rowgroup')
      .last()
      .evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.waitForTimeout(200);
  }
  expect(await rows(visit, 'entries').count()).toBeLessThan(100);
  await page.getByRole('textbox', { name: 'search entries' }).fill('many-29999');
  await rows(visit, 'entries').filter({ hasText: 'many-29999' }).first().waitFor();
  await page.getByText('1 fit', { exact: true }).waitFor();
}, 300_000);

test(`the overview of ${FLOWS} flows: searched by the agent, few rows in the document`, async () => {
  const pods = [ip('10.244.1.10')];
  fillConntrack({ count: FLOWS, pods, masqueradedAs: ip('203.0.113.11') });
  const visit = await open();
  const { page } = visit;
  await page.getByText(/the first 1000: search for others/).waitFor({ timeout: 60_000 });
  expect(await rows(visit, 'flows').count()).toBeLessThan(100);
  // The last row of the table.
  const place = `198.18.${((FLOWS - 1) >> 8) & 255}.${(FLOWS - 1) & 255}`;
  await page.getByRole('textbox', { name: 'search flows' }).fill(place);
  await rows(visit, 'flows').filter({ hasText: place }).first().waitFor({ timeout: 60_000 });
  await expect
    .poll(async () => (await rows(visit, 'flows').allInnerTexts()).every((row) => row.includes(place)), POLL)
    .toBe(true);
  // Meanwhile the picture of flows is drawn: it groups this many flows into a few paths.
  await page.getByRole('img', { name: /^connections: .*IPPool rack1/ }).waitFor({ timeout: 60_000 });
}, 300_000);

/** ClusterIPs in 10.100.0.0/15 that lead to an endpoint each. */
function manyServices(count: number) {
  const items = Array.from({ length: count }, (_, index) => {
    const name = `many-${index}`;
    const host = `${index >> 8}.${index & 255}`;
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
    return [
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'many' } },
        spec: { type: 'ClusterIP', clusterIP: `10.100.${host}`, clusterIPs: [`10.100.${host}`], ports },
      },
      {
        ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', ports },
        metadata: { name, namespace: 'many', labels: { 'kubernetes.io/service-name': name } },
        endpoints: [{ addresses: [`10.244.9.${(index % 250) + 1}`], conditions: { ready: true } }],
      },
    ];
  }).flat();
  return { apiVersion: 'v1', kind: 'List', items };
}
