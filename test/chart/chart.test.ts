import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHART, helm, NAMESPACE } from '../../scripts/generate/helm.ts';
import { settings } from '../../src/cli/options/table.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { parseIpMasqAgentConfig } from '../../src/sources/ip-masq-agent/config.ts';
import { wantedResources } from '../../src/sources/kube/resources.ts';
import { kubernetesErrors } from './kubernetes-models.ts';
import { render, renderDaemonSet } from './rendered.ts';

const migrations = readdirSync(CHART).filter((name) => /^values-.+\.yaml$/.test(name));
/** For test.each: the name in the report, and the options of helm. */
const named = (args: readonly string[]) => ({ options: args.join(' ') || 'no options', args });
const valuesFiles = [[], ...migrations.map((name) => ['-f', `${CHART}/${name}`])].map(named);
const variants = [
  ...valuesFiles,
  ...[
    ['--set', 'cleanup.enabled=true'],
    ['--set', 'egress.ipMasqAgent.enabled=true,egress.ipMasqAgent.masqueradeHostTraffic=true'],
    ['--set', 'service.masqueradeAll=true,service.cidrs={10.96.0.0/12},podNat.requireReady=false'],
    ['--set', 'webhook.enabled=true,service.cidrs={10.96.0.0/12},service.kubeProxyConfigMap=kube-proxy'],
    [
      '--set',
      'webhook.enabled=true,webhook.replicas=1,service.enabled=false,egress.ipMasqAgent.enabled=true',
    ],
    ['--set', 'apiServer.host=192.0.2.1,extraEnv[0].name=A,extraEnv[0].value=b,imagePullSecrets[0].name=x'],
  ].map(named),
];

describe('every values file', () => {
  test('there is one for each system that knat replaces', () => {
    expect(migrations).toEqual([
      'values-from-calico-natoutgoing.yaml',
      'values-from-ip-masq-agent.yaml',
      'values-from-kube-proxy.yaml',
      'values-from-podnat-controller.yaml',
    ]);
  });

  test.each(valuesFiles)('helm lint --strict with $options', async ({ args }) => {
    expect(await helm('lint', '--strict', CHART, ...args)).toMatchObject({ status: 0 });
  });

  test.each(variants)('$options: objects that Kubernetes knows', async ({ args }) => {
    const manifests = await render('--include-crds', ...args);
    const known = manifests.filter(({ kind }) => kind !== 'IPPool');
    expect(known.length).toBeGreaterThanOrEqual(6);
    expect(known.flatMap(kubernetesErrors)).toEqual([]);
  });

  test.each(variants)('$options: the agent gets options that it has', async ({ args }) => {
    const { agent } = await renderDaemonSet(...args);
    const options = [...(agent.args ?? [])].slice(1).map((arg) => arg.replace(/=.*/, ''));
    const known = Object.keys(settings).flatMap((name) => {
      const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return [`--${option}`, `--no-${option}`];
    });
    expect(options.filter((option) => !known.includes(option))).toEqual([]);
  });
});

describe('values', () => {
  test.each([
    ['service.enable=true', 'enable'],
    ['healthPort=1', 'healthPort'],
    ['health.port=0', '/health/port'],
    ['health.address=localhost', '/health/address'],
    ['log.level=verbose', '/log/level'],
    ['updateStrategy.maxUnavailable=0', '/updateStrategy/maxUnavailable'],
    ['securityContext.extraCapabilities={ALL}', '/securityContext/extraCapabilities/0'],
    ['egress.pools[0].name=a', '/egress/pools/0'],
    ['service.externalIPs={some}', '/service/externalIPs'],
    ['podNat.restrictedPorts={http}', '/podNat/restrictedPorts/0'],
    ['podNat.policy.namespaces={Shop}', '/podNat/policy/namespaces/0'],
    ['podNat.policy.takeover=perhaps', '/podNat/policy/takeover'],
    ['podNat.policy.maxPorts=1', '/podNat/policy'],
    ['limits.sourceNetworksPerNode=-1', '/limits/sourceNetworksPerNode'],
    ['webhook.replicas=0', '/webhook/replicas'],
    ['webhook.failurePolicy=Fail', '/webhook'],
  ])('%s is refused', async (value, named) => {
    const { status, complaint } = await helm('template', 'knat', CHART, '--set', value);
    expect(status).toBe(1);
    expect(complaint).toContain(named);
  });

  test('with every kind off there is nothing to do', async () => {
    const off = 'service.enabled=false,podNat.enabled=false,egress.enabled=false';
    const { status, complaint } = await helm('template', 'knat', CHART, '--set', off);
    expect(status).toBe(1);
    expect(complaint).toContain('nothing is left for knat to do');
  });

  test.each([
    ['service.enabled=true', '--enable=service,pod,egress'],
    ['service.enabled=false', '--enable=pod,egress'],
    ['podNat.enabled=false', '--enable=service,egress'],
    ['egress.enabled=false', '--enable=service,pod'],
    ['service.enabled=false,podNat.enabled=false', '--enable=egress'],
  ])('%s gives %s', async (values, option) => {
    const { agent } = await renderDaemonSet('--set', values);
    expect(agent.args?.filter((arg) => arg.startsWith('--enable'))).toEqual([option]);
  });

  test.each([
    ['health.address=127.0.0.1', '--health-address=127.0.0.1:10266', '127.0.0.1', 10266],
    ['health.port=9999', '--health-address=127.0.0.1:9999', '127.0.0.1', 9999],
    ['health.address=0.0.0.0', '--health-address=0.0.0.0:10266', undefined, 10266],
    ['health.address=::,health.port=81', '--health-address=[::]:81', undefined, 81],
    ['health.address=::1', '--health-address=[::1]:10266', '::1', 10266],
    ['service.enabled=false', '--health-address=127.0.0.1:10266', '127.0.0.1', 10266],
  ])('the probes follow %s', async (values, option, host, port) => {
    const { agent } = await renderDaemonSet('--set', values);
    expect(agent.args).toContain(option);
    for (const probe of [agent.startupProbe, agent.livenessProbe, agent.readinessProbe]) {
      expect(probe?.httpGet.host).toBe(host);
      const named = agent.ports?.find(({ name }) => name === probe?.httpGet.port);
      expect(named).toEqual({ name: 'health', containerPort: port, hostPort: port });
    }
    expect(agent.startupProbe?.httpGet.path).toBe('/livez');
    // A node that starts many pods at once takes minutes.
    const { periodSeconds = 10, failureThreshold = 3 } = agent.startupProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(300);
    expect(agent.livenessProbe?.httpGet.path).toBe('/livez');
    expect(agent.readinessProbe?.httpGet.path).toBe('/readyz');
  });

  test.each([
    ['service.externalIPs={none}', ['--external-ips=none']],
    ['service.externalIPs={203.0.113.0/24,198.51.100.7}', ['--external-ips=203.0.113.0/24,198.51.100.7']],
    ['service.externalIPs={none},service.enabled=false', []],
    ['log.level=info', []],
  ])('which externalIPs are served: %s', async (values, expected) => {
    const { agent } = await renderDaemonSet('--set', values);
    expect(agent.args?.filter((arg) => arg.startsWith('--external-ips'))).toEqual(expected);
  });

  test('limits become options only where they are set', async () => {
    const values =
      'limits.sourceNetworksPerList=1,limits.sourceNetworksPerNamespace=2,limits.sourceNetworksPerNode=3,' +
      'limits.podNatEntriesPerNamespace=4,limits.podNatEntriesPerNode=0';
    const limits = (args: readonly string[] = []) => args.filter((arg) => arg.includes('-max-'));
    expect(limits((await renderDaemonSet('--set', values)).agent.args)).toEqual([
      '--max-source-networks-per-list=1',
      '--max-source-networks-per-namespace=2',
      '--max-source-networks-per-node=3',
      '--pod-nat-max-entries-per-namespace=4',
      '--pod-nat-max-entries-per-node=0',
    ]);
    expect(limits((await renderDaemonSet()).agent.args)).toEqual([]);
  });

  test('Pod NAT options are given only where they are set and Pod NAT is on', async () => {
    const values =
      'podNat.annotationKey=a.b/c,podNat.restrictedPorts={22,8000-8100},podNat.requireReady=false';
    const wanted = ['--annotation-key=a.b/c', '--restricted-ports=22,8000-8100', '--no-require-ready'];
    expect((await renderDaemonSet('--set', values)).agent.args).toEqual(expect.arrayContaining(wanted));
    const off = (await renderDaemonSet('--set', `${values},podNat.enabled=false`)).agent.args ?? [];
    expect(off.filter((arg) => wanted.includes(arg))).toEqual([]);
  });

  test("the administrator's policy for Pod NAT becomes options only where it is set", async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'knat-chart-')), 'values.yaml');
    const policy = {
      namespaces: ['mail', 'team-*'],
      namespaceSelector: 'knat.dev/pod-nat=allowed,team in (a,b)',
      ports: [25, '10000-19999'],
      addresses: ['203.0.113.0/24', '2001:db8::/32'],
      takeover: true,
      reservedPorts: [8000],
      unreservedPorts: ['1-65535'],
      maxPortsPerPod: 0,
      maxPortsPerNamespace: 1_000_000,
    };
    writeFileSync(file, JSON.stringify({ podNat: { policy } }));
    const wanted = [
      '--pod-nat-namespaces=mail,team-*',
      '--pod-nat-namespace-selector=knat.dev/pod-nat=allowed,team in (a,b)',
      '--pod-nat-ports=25,10000-19999',
      '--pod-nat-addresses=203.0.113.0/24,2001:db8::/32',
      '--pod-nat-takeover',
      '--pod-nat-reserved-ports=8000',
      '--pod-nat-unreserved-ports=1-65535',
      '--pod-nat-max-ports-per-pod=0',
      '--pod-nat-max-ports-per-namespace=1000000',
    ];
    expect((await renderDaemonSet('-f', file)).agent.args).toEqual(expect.arrayContaining(wanted));
    const nothing = (await renderDaemonSet()).agent.args ?? [];
    expect(nothing.filter((arg) => arg.startsWith('--pod-nat-'))).toEqual([]);
    const off = (await renderDaemonSet('-f', file, '--set', 'podNat.enabled=false')).agent.args ?? [];
    expect(off.filter((arg) => arg.startsWith('--pod-nat-'))).toEqual([]);
    rmSync(dirname(file), { recursive: true });
  });

  test.each(['values.yaml', ...migrations])(
    'nothing said of Pod NAT is as the defaults: %s',
    async (name) => {
      const file = ['-f', `${CHART}/${name}`];
      expect(await renderDaemonSet(...file, '--set-json', 'podNat.policy=null')).toEqual(
        await renderDaemonSet(...file),
      );
    },
  );

  test('the program podnat-controller gets its original flags; the values go into its environment', async () => {
    const file = ['-f', `${CHART}/values-from-podnat-controller.yaml`];
    const { agent } = await renderDaemonSet(...file, '--set', 'extraArgs={-nodeID=a,-v=4},log.level=warn');
    expect(agent).toMatchObject({
      command: ['podnat-controller'],
      args: ['-nodeID=a', '-v=4', '-logtostderr'],
      env: expect.arrayContaining([
        { name: 'KNAT_LOG_LEVEL', value: 'warn' },
        { name: 'KNAT_REPLACE_PODNAT_CONTROLLER', value: 'true' },
        { name: 'KNAT_STATE_FLAVOR', value: 'configmap' },
        { name: 'KNAT_HEALTH_ADDRESS', value: '127.0.0.1:10266' },
      ]),
    });
    const roles = (await render(...file)).filter(({ kind }) => kind === 'Role');
    expect(roles).toMatchObject([{ rules: [{ resources: ['configmaps'] }] }]);
    expect((await render()).map(({ kind }) => kind)).not.toContain('Role');
  });

  test.each([
    ['knat-system', '--set=podNat.state.flavor=configmap', 'knat-state', true],
    ['kube-system', '--set=podNat.state.flavor=configmap', 'knat-state', true],
    ['kube-system', `--values=${CHART}/values-from-podnat-controller.yaml`, 'knat-state', true],
    ['pnc', `--values=${CHART}/values-from-podnat-controller.yaml`, 'pnc', false],
    ['pnc', '--set=podNat.state.flavor=configmap,podNat.state.namespace=x', 'x', false],
  ])(
    'in %s with %s the states are in namespace %s, where nodes may write',
    async (release, option, namespace, isMade) => {
      const manifests = await render(option, '--namespace', release);
      const placed = manifests.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding');
      expect(placed.map(({ metadata }) => (metadata as { namespace?: string }).namespace)).toEqual([
        namespace,
        namespace,
      ]);
      const made = manifests.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
      expect(made).toEqual(isMade ? [namespace] : []);
      const { agent } = await renderDaemonSet(option, '--namespace', release);
      expect(agent.env).toContainEqual({ name: 'NAMESPACE', value: namespace });
      // No other role gives a right on ConfigMaps.
      const cluster = manifests.filter(({ kind }) => kind === 'ClusterRole');
      expect(JSON.stringify(cluster)).not.toContain('configmaps');
    },
  );

  test('facts of the node go into a file, and a change of them restarts the pods', async () => {
    const [first, second] = await Promise.all(
      ['10.96.0.0/12', '10.112.0.0/12'].map(async (cidr) => {
        const args = ['--set', `service.cidrs={${cidr}}`];
        const config = (await render(...args)).find(({ kind }) => kind === 'ConfigMap');
        return { config, ...(await renderDaemonSet(...args)) };
      }),
    );
    expect(first?.config?.data).toEqual({ 'node.yaml': 'serviceCIDRs:\n- 10.96.0.0/12\n' });
    expect(first?.agent.args).toContain('--node-config=/etc/knat/node.yaml');
    expect(first?.daemonSet.spec.template.metadata).not.toEqual(second?.daemonSet.spec.template.metadata);
    expect((await render()).map(({ kind }) => kind)).not.toContain('ConfigMap');
  });

  test("kube-proxy's ConfigMap is mounted where its config.conf names kubeconfig.conf", async () => {
    const values = 'service.kubeProxyConfigMap=kube-proxy,service.masqueradeAll=true';
    const { agent, daemonSet } = await renderDaemonSet('--set', values);
    expect(agent.args).toContain('--kube-proxy-config=/var/lib/kube-proxy/config.conf');
    const rendered = JSON.stringify(daemonSet);
    expect(rendered).toContain('{"name":"kube-proxy","mountPath":"/var/lib/kube-proxy","readOnly":true}');
    expect(rendered).toContain('{"name":"kube-proxy","configMap":{"name":"kube-proxy"}}');
    expect(rendered).toContain('{"name":"node-config","mountPath":"/etc/knat","readOnly":true}');
    const off = await renderDaemonSet('--set', `${values},service.enabled=false`);
    expect(JSON.stringify(off.daemonSet)).not.toContain('/var/lib/kube-proxy');
  });

  test('knat accepts the file of ip-masq-agent, and it is where the agent looks', async () => {
    const options = ['-f', `${CHART}/values-from-ip-masq-agent.yaml`];
    const { agent, daemonSet } = await renderDaemonSet(...options);
    const file = (await render(...options)).find(({ kind }) => kind === 'ConfigMap')?.data?.config;
    expect(agent.args).toContain('--ip-masq-agent-config=/etc/knat-ip-masq-agent/config');
    expect(agent.args).not.toContain('--masquerade-host-traffic');
    const { problems, config } = parseIpMasqAgentConfig(String(file), 'config');
    expect(problems).toEqual([]);
    expect(config?.fact.nonMasqueradeCIDRs.map(formatPrefix)).toEqual([
      '10.0.0.0/8',
      '172.16.0.0/12',
      '192.168.0.0/16',
    ]);
    expect(JSON.stringify(daemonSet)).toContain('"mountPath":"/etc/knat-ip-masq-agent"');
    expect(JSON.stringify(daemonSet)).toContain('"items":[{"key":"config","path":"config"}]');
  });

  test('an existing ConfigMap of ip-masq-agent', async () => {
    const values =
      'egress.ipMasqAgent.enabled=true,egress.ipMasqAgent.configMap=ip-masq-agent,egress.ipMasqAgent.key=k';
    const { daemonSet } = await renderDaemonSet('--set', values);
    expect((await render('--set', values)).map(({ kind }) => kind)).not.toContain('ConfigMap');
    expect(JSON.stringify(daemonSet)).toContain('"name":"ip-masq-agent","optional":true');
    expect(JSON.stringify(daemonSet)).toContain('"items":[{"key":"k","path":"config"}]');
  });
});

describe('the pod', () => {
  test('has two capabilities and cannot get more', async () => {
    const { agent, daemonSet } = await renderDaemonSet();
    expect(agent.securityContext).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    });
    const quiet = await renderDaemonSet('--set', 'onEndpointGone=keep');
    expect(quiet.agent.securityContext).toMatchObject({ capabilities: { add: ['NET_ADMIN'] } });
    expect(quiet.agent.args).toContain('--on-endpoint-gone=keep');
    // Who only cleans up sends nothing.
    const cleanup = await renderDaemonSet('--set', 'cleanup.enabled=true');
    expect(JSON.stringify(cleanup.daemonSet)).not.toContain('NET_RAW');
    expect(daemonSet.spec.template.spec).toMatchObject({
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(daemonSet.spec.updateStrategy.rollingUpdate).toEqual({ maxSurge: 0, maxUnavailable: 1 });
    const bare = await renderDaemonSet('--set', 'history.enabled=false');
    expect(JSON.stringify(bare.daemonSet)).not.toContain('hostPath');
  });

  test('keeps the history in a folder of the node', async () => {
    const { agent, daemonSet } = await renderDaemonSet('--set', 'history.size=256');
    expect(agent.args).toEqual(
      expect.arrayContaining(['--history-dir=/var/lib/knat/history', '--history-mib=256']),
    );
    const mountPath = '/var/lib/knat/history';
    expect(agent.volumeMounts).toEqual([{ name: 'history', mountPath }]);
    const hostPath = { path: '/var/lib/knat/history', type: 'DirectoryOrCreate' };
    expect(daemonSet.spec.template.spec.volumes).toEqual([{ name: 'history', hostPath }]);
  });

  test('knows its node, its namespace and, if configured, the API server', async () => {
    const { agent } = await renderDaemonSet('--set', 'apiServer.host=192.0.2.1');
    expect(agent.env).toEqual([
      { name: 'KNAT_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'KUBERNETES_SERVICE_HOST', value: '192.0.2.1' },
      { name: 'KUBERNETES_SERVICE_PORT', value: '6443' },
    ]);
  });

  test('cleans up instead of working, on all nodes at once', async () => {
    const { agent, daemonSet } = await renderDaemonSet('--set', 'cleanup.enabled=true');
    const { spec } = daemonSet.spec.template;
    expect(spec.initContainers?.map(({ args }) => args)).toEqual([['cleanup']]);
    expect(agent.command).toEqual(['sleep', 'infinity']);
    expect(agent.args).toBeUndefined();
    expect(daemonSet.spec.updateStrategy.rollingUpdate).toEqual({ maxSurge: 0, maxUnavailable: '100%' });
    // Ending connections of gone endpoints needs raw packets, cleaning up does not.
    expect(spec.initContainers?.[0]?.securityContext).toEqual({
      ...{ runAsUser: 0, runAsGroup: 0, privileged: false },
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
  });

  const switches = [true, false];
  const kinds = switches.flatMap((service) =>
    switches.flatMap((pod) => switches.map((egress) => ({ service, pod, egress }))),
  );

  test.each(kinds.filter((wanted) => Object.values(wanted).includes(true)))(
    'may read what the source lists, and write its status, with service: $service, pod: $pod, egress: $egress',
    async (wanted) => {
      const values = `service.enabled=${wanted.service},podNat.enabled=${wanted.pod},egress.enabled=${wanted.egress}`;
      const role = (await render('--set', values)).find(({ kind }) => kind === 'ClusterRole');
      const granted = (role?.rules ?? []).flatMap((rule) => {
        const { apiGroups = [], resources = [], verbs = [] } = rule as Record<string, string[]>;
        return apiGroups.flatMap((group) => resources.map((each) => `${each}.${group} ${verbs.join()}`));
      });
      // Events on these objects may need their uid.
      const looked = ['services', 'pods', 'ippools', 'egressrules', 'felixconfigurations'];
      const listed = wantedResources('worker-1', wanted).map(
        ({ plural, group }) => `${plural}.${group} ${looked.includes(plural) ? 'get,' : ''}list,watch`,
      );
      expect(granted.sort()).toEqual(
        [
          ...listed.filter((line) => !line.startsWith('nodes.')),
          'nodes. get,list,watch',
          ...(wanted.pod || wanted.egress ? ['customresourcedefinitions.apiextensions.k8s.io watch'] : []),
          'nodenats.knat.dev get,list,watch,create,patch',
          'nodenats/status.knat.dev patch',
          'events.events.k8s.io create,patch',
        ].sort(),
      );
    },
  );
});

describe('the notes after an installation', () => {
  test.each([
    [
      'log.level=info',
      ['this NAT on every node: service, pod, egress', 'apiServer.host is empty', 'service.replaceKubeProxy'],
    ],
    ['service.enabled=false', ['this NAT on every node: pod, egress', 'health is on port 10266']],
    ['cleanup.enabled=true', ['helm uninstall knat -n knat-system']],
  ])('with %s say what follows', async (values, texts) => {
    const args = ['install', 'knat', CHART, '--dry-run=client', '--namespace', NAMESPACE, '--set', values];
    const { output } = await helm(...args);
    const notes = output.split('NOTES:\n')[1] ?? '';
    expect(texts.filter((text) => !notes.includes(text))).toEqual([]);
    expect(notes.includes('apiServer.host')).toBe(values === 'log.level=info');
  });
});
