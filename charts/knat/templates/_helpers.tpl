{{- define "knat.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "knat.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "knat.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "knat.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "knat.selectorLabels" -}}
app.kubernetes.io/name: {{ include "knat.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "knat.labels" -}}
{{ include "knat.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: knat
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "knat.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "knat.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "knat.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The kinds for --enable, with commas. */}}
{{- define "knat.kinds" -}}
{{- $kinds := list -}}
{{- if .Values.service.enabled }}{{ $kinds = append $kinds "service" }}{{ end -}}
{{- if .Values.podNat.enabled }}{{ $kinds = append $kinds "pod" }}{{ end -}}
{{- if .Values.egress.enabled }}{{ $kinds = append $kinds "egress" }}{{ end -}}
{{- if not $kinds }}{{ fail "service.enabled, podNat.enabled and egress.enabled are all false: nothing is left for knat to do" }}{{ end -}}
{{- join "," $kinds -}}
{{- end -}}

{{- define "knat.healthPort" -}}
{{- int (default 10266 .Values.health.port) -}}
{{- end -}}

{{/* HOST:PORT, IPv6 in brackets. */}}
{{- define "knat.healthAddress" -}}
{{- $address := .Values.health.address -}}
{{- printf "%s:%s" (ternary (printf "[%s]" $address) $address (contains ":" $address)) (include "knat.healthPort" .) -}}
{{- end -}}

{{/* ADDRESS and PORT as one, IPv6 in brackets; nothing without a port: an empty option switches off. */}}
{{- define "knat.listen" -}}
{{- if .port }}{{ printf "%s:%d" (ternary (printf "[%s]" .address) .address (contains ":" .address)) (int .port) }}{{ end -}}
{{- end -}}

{{- define "knat.metricsPort" -}}
{{- int (default 10267 .Values.metrics.port) -}}
{{- end -}}

{{/* Not empty if clients outside the node can reach the metrics. */}}
{{- define "knat.metricsReachable" -}}
{{- if not (regexMatch "^(127[.]|::1$)" .Values.metrics.address) }}yes{{ end -}}
{{- end -}}

{{/* Not empty if the agent may have to check a client's token. */}}
{{- define "knat.looksUpTokens" -}}
{{- if and .Values.http.port (not (regexMatch "^(127[.]|::1$)" .Values.http.address)) }}yes{{ end -}}
{{- if and (include "knat.metricsReachable" .) (not .Values.metrics.unauthenticated) }}yes{{ end -}}
{{- end -}}

{{/* The address for the kubelet's probes: where the agent listens; the node's address if it listens on all. */}}
{{- define "knat.probe" -}}
httpGet:
  path: {{ .path }}
  port: health
  {{- if not (has .root.Values.health.address (list "0.0.0.0" "::")) }}
  host: {{ .root.Values.health.address | quote }}
  {{- end }}
{{- end -}}

{{/* Settings of the node that no API object has: the file of --node-config; empty if there are none. */}}
{{- define "knat.nodeConfig" -}}
{{- $config := dict -}}
{{- with .Values.service -}}
{{- if .cidrs }}{{ $_ := set $config "serviceCIDRs" .cidrs }}{{ end -}}
{{- if .nodePortAddresses }}{{ $_ := set $config "nodePortAddresses" .nodePortAddresses }}{{ end -}}
{{- if .masqueradeAll }}{{ $_ := set $config "masqueradeAll" true }}{{ end -}}
{{- end -}}
{{- if $config }}{{ toYaml $config }}{{ end -}}
{{- end -}}

{{/* Not empty if a file of ip-masq-agent is read. */}}
{{- define "knat.ipMasqAgent" -}}
{{- if and .Values.egress.enabled .Values.egress.ipMasqAgent.enabled }}yes{{ end -}}
{{- end -}}

{{/* Arguments of the container: options of `knat agent`, or flags of podnat-controller as in its own chart. */}}
{{- define "knat.args" -}}
{{- if eq .Values.program "podnat-controller" -}}
{{- toYaml (uniq (append .Values.extraArgs "-logtostderr")) -}}
{{- else -}}
- agent
{{ include "knat.options" . }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The options as environment variables, so that flags take precedence: KNAT_LOG_LEVEL for --log-level. */}}
{{- define "knat.optionVariables" -}}
{{- range include "knat.options" . | fromYamlArray }}
{{- $off := hasPrefix "--no-" . }}
{{- $parts := splitn "=" 2 (trimPrefix "--" (trimPrefix "--no-" .)) }}
- name: KNAT_{{ $parts._0 | upper | replace "-" "_" }}
  value: {{ ternary "false" (ternary (default "" $parts._1) "true" (contains "=" .)) $off | quote }}
{{- end }}
{{- end -}}

{{/* The agent's options that follow from the values, one per line. */}}
{{- define "knat.options" -}}
- --source=kubernetes
- --enable={{ include "knat.kinds" . }}
- --health-address={{ include "knat.healthAddress" . }}
- --http-address={{ include "knat.listen" .Values.http }}
- --metrics-address={{ include "knat.listen" (dict "address" .Values.metrics.address "port" (include "knat.metricsPort" .)) }}
{{- if .Values.metrics.unauthenticated }}
- --unauthenticated-metrics
{{- end }}
{{- if .Values.tls.secretName }}
- --tls-cert-file=/etc/knat-tls/tls.crt
- --tls-private-key-file=/etc/knat-tls/tls.key
{{- end }}
{{- if .Values.history.enabled }}
- --history-dir=/var/lib/knat/history
- --history-mib={{ int64 .Values.history.size }}
{{- end }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- if and .Values.service.enabled .Values.service.replaceKubeProxy }}
- --replace-kube-proxy
{{- else if .Values.service.enabled }}
- --beside-kube-proxy={{ .Values.service.besideKubeProxy }}
{{- end }}
{{- if .Values.service.enabled }}
{{- with .Values.service.externalIPs }}
- --external-ips={{ join "," . }}
{{- end }}
{{- end }}
{{- if ne .Values.onEndpointGone "reset" }}
- --on-endpoint-gone={{ .Values.onEndpointGone }}
{{- end }}
{{- if include "knat.nodeConfig" . }}
- --node-config=/etc/knat/node.yaml
{{- end }}
{{- if and .Values.service.enabled .Values.service.kubeProxyConfigMap }}
- --kube-proxy-config=/var/lib/kube-proxy/config.conf
{{- end }}
{{- if include "knat.ipMasqAgent" . }}
- --ip-masq-agent-config=/etc/knat-ip-masq-agent/config
{{- if .Values.egress.ipMasqAgent.masqueradeHostTraffic }}
- --masquerade-host-traffic
{{- end }}
{{- end }}
{{- with .Values.limits }}
{{- if not (kindIs "invalid" .sourceNetworksPerList) }}
- --max-source-networks-per-list={{ int64 .sourceNetworksPerList }}
{{- end }}
{{- if not (kindIs "invalid" .sourceNetworksPerNamespace) }}
- --max-source-networks-per-namespace={{ int64 .sourceNetworksPerNamespace }}
{{- end }}
{{- if not (kindIs "invalid" .sourceNetworksPerNode) }}
- --max-source-networks-per-node={{ int64 .sourceNetworksPerNode }}
{{- end }}
{{- if not (kindIs "invalid" .podNatEntriesPerNamespace) }}
- --pod-nat-max-entries-per-namespace={{ int64 .podNatEntriesPerNamespace }}
{{- end }}
{{- if not (kindIs "invalid" .podNatEntriesPerNode) }}
- --pod-nat-max-entries-per-node={{ int64 .podNatEntriesPerNode }}
{{- end }}
{{- end }}
{{- with .Values.podNat }}
{{- if .enabled }}
{{- with .annotationKey }}
- --annotation-key={{ . }}
{{- end }}
{{- with .restrictedPorts }}
- --restricted-ports={{ join "," . }}
{{- end }}
{{- with .includeFilterNetworks }}
- --include-filter-networks={{ join "," . }}
{{- end }}
{{- with .excludeFilterNetworks }}
- --exclude-filter-networks={{ join "," . }}
{{- end }}
{{- with .internalNetworks }}
- --internal-networks={{ join "," . }}
{{- end }}
{{- if not .requireReady }}
- --no-require-ready
{{- end }}
{{- with .policy }}
{{- with .namespaces }}
- --pod-nat-namespaces={{ join "," . }}
{{- end }}
{{- with .namespaceSelector }}
- --pod-nat-namespace-selector={{ . }}
{{- end }}
{{- with .ports }}
- --pod-nat-ports={{ join "," . }}
{{- end }}
{{- with .addresses }}
- --pod-nat-addresses={{ join "," . }}
{{- end }}
{{- if .takeover }}
- --pod-nat-takeover
{{- end }}
{{- with .reservedPorts }}
- --pod-nat-reserved-ports={{ join "," . }}
{{- end }}
{{- with .unreservedPorts }}
- --pod-nat-unreserved-ports={{ join "," . }}
{{- end }}
{{- if not (kindIs "invalid" .maxPortsPerPod) }}
- --pod-nat-max-ports-per-pod={{ int64 .maxPortsPerPod }}
{{- end }}
{{- if not (kindIs "invalid" .maxPortsPerNamespace) }}
- --pod-nat-max-ports-per-namespace={{ int64 .maxPortsPerNamespace }}
{{- end }}
{{- end }}
{{- if .replacePodnatController }}
- --replace-podnat-controller
{{- end }}
{{- with .resourcePrefix }}
- --podnat-prefix={{ . }}
{{- end }}
{{- if ne .state.flavor "crd" }}
- --state-flavor={{ .state.flavor }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Common to every container of knat. */}}
{{- define "knat.container" -}}
{{- $tells := and (eq .Values.onEndpointGone "reset") (not .Values.cleanup.enabled) -}}
image: {{ include "knat.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  # Root, but with few capabilities: a user of another number would not pass it on to the nft program, since
  # Kubernetes knows no ambient capabilities.
  runAsUser: 0
  runAsGroup: 0
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    # nftables, conntrack and large netlink buffers{{ if $tells }}; raw packets that tell clients that their endpoint is gone{{ end }}. The kernel loads
    # its modules itself: no SYS_MODULE.
    {{- $own := ternary (list "NET_ADMIN" "NET_RAW") (list "NET_ADMIN") $tells }}
    add: {{- concat $own .Values.securityContext.extraCapabilities | uniq | toYaml | nindent 6 }}
{{- end -}}

{{/* Not empty if the state of the nodes is in ConfigMaps, or may be by flags of podnat-controller. */}}
{{- define "knat.keepsConfigMaps" -}}
{{- if and .Values.podNat.enabled (or (eq .Values.podNat.state.flavor "configmap") (eq .Values.program "podnat-controller")) }}yes{{ end -}}
{{- end -}}

{{/*
The namespace of these ConfigMaps. RBAC cannot restrict which of them a node may create, so a node's token may write all
ConfigMaps of the namespace, which must have no others. As podnat-controller it is the release's namespace, where readers expect
them, but never kube-system.
*/}}
{{- define "knat.stateNamespace" -}}
{{- if .Values.podNat.state.namespace -}}
{{- .Values.podNat.state.namespace -}}
{{- else if and (eq .Values.program "podnat-controller") (ne .Release.Namespace "kube-system") -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- printf "%s-state" (include "knat.fullname" . | trunc 57 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "knat.webhookName" -}}
{{- printf "%s-webhook" (include "knat.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end -}}

{{/* Not those of the agent: its DaemonSet selects by them. */}}
{{- define "knat.webhookSelector" -}}
app.kubernetes.io/name: {{ printf "%s-webhook" (include "knat.name" . | trunc 55 | trimSuffix "-") }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "knat.webhookLabels" -}}
{{- $labels := include "knat.labels" . | fromYaml -}}
{{- toYaml (merge (include "knat.webhookSelector" . | fromYaml) $labels) -}}
{{- end -}}

{{/* The options of the agent that decide what is planned, and those of the webhook. */}}
{{- define "knat.webhookArgs" -}}
- webhook
{{- range include "knat.options" . | fromYamlArray }}
{{- if not (regexMatch "^--(health-address|http-address|metrics-address|unauthenticated-metrics|tls-|replace-|podnat-prefix|state-flavor|beside-|history-)" .) }}
- {{ . }}
{{- end }}
{{- end }}
- --service={{ .Release.Namespace }}/{{ include "knat.webhookName" . }}
- --secret={{ .Release.Namespace }}/{{ include "knat.webhookName" . }}
- --configuration={{ include "knat.webhookName" . }}
{{- if .Values.webhook.expectations.configMap }}
- --expectations=/etc/knat-expectations/{{ .Values.webhook.expectations.key }}
{{- end }}
{{- with .Values.webhook.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* How the API server asks: it waits briefly, and makes the change if nobody answers. */}}
{{- define "knat.webhookCall" -}}
clientConfig:
  service:
    namespace: {{ .Release.Namespace }}
    name: {{ include "knat.webhookName" . }}
    path: /review
    port: 443
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: Ignore
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
{{- end -}}

{{/* Never kube-system, nor the release's own namespace. */}}
{{- define "knat.webhookNamespaces" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ uniq (concat (list "kube-system" "kube-node-lease" .Release.Namespace) .Values.webhook.excludedNamespaces) | toJson }}
{{- end -}}

{{/* Nodes, the control plane and its controllers write much, and nobody reads what is said to them. */}}
{{- define "knat.webhookByPeople" -}}
- name: not-by-the-cluster
  expression: >-
    !request.userInfo.username.startsWith('system:kube-') &&
    !request.userInfo.username.startsWith('system:node:') &&
    !request.userInfo.username.startsWith('system:serviceaccount:kube-system:') &&
    !request.userInfo.username.startsWith('system:serviceaccount:{{ .Release.Namespace }}:')
{{- end -}}

{{- define "knat.annotationKey" -}}
{{- default "bln.space/podnat" .Values.podNat.annotationKey -}}
{{- end -}}

{{/* CEL: the value of an annotation, empty if there is none. */}}
{{- define "knat.webhookAnnotation" -}}
(has({{ .object }}.metadata.annotations) && '{{ .key }}' in {{ .object }}.metadata.annotations ? {{ .object }}.metadata.annotations['{{ .key }}'] : '')
{{- end -}}
