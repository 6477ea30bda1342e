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
{{- if .Values.health.port -}}
{{- int .Values.health.port -}}
{{- else -}}
{{- ternary 10256 10266 .Values.service.enabled -}}
{{- end -}}
{{- end -}}

{{/* HOST:PORT, IPv6 in brackets. */}}
{{- define "knat.healthAddress" -}}
{{- $address := .Values.health.address -}}
{{- printf "%s:%s" (ternary (printf "[%s]" $address) $address (contains ":" $address)) (include "knat.healthPort" .) -}}
{{- end -}}

{{/* Where the kubelet asks: where the agent listens; the node's address where it listens on all. */}}
{{- define "knat.probe" -}}
httpGet:
  path: {{ .path }}
  port: health
  {{- if not (has .root.Values.health.address (list "0.0.0.0" "::")) }}
  host: {{ .root.Values.health.address | quote }}
  {{- end }}
{{- end -}}

{{/* Facts of the node that no object of the API gives: the file of --node-config; empty when there are none. */}}
{{- define "knat.nodeConfig" -}}
{{- $config := dict -}}
{{- with .Values.service -}}
{{- if .cidrs }}{{ $_ := set $config "serviceCIDRs" .cidrs }}{{ end -}}
{{- if .nodePortAddresses }}{{ $_ := set $config "nodePortAddresses" .nodePortAddresses }}{{ end -}}
{{- if .masqueradeAll }}{{ $_ := set $config "masqueradeAll" true }}{{ end -}}
{{- end -}}
{{- if $config }}{{ toYaml $config }}{{ end -}}
{{- end -}}

{{/* The options of the agent, one a line. */}}
{{- define "knat.args" -}}
- agent
- --source=kubernetes
- --enable={{ include "knat.kinds" . }}
- --health-address={{ include "knat.healthAddress" . }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- if and .Values.service.enabled .Values.service.replaceKubeProxy }}
- --replace-kube-proxy
{{- end }}
{{- if include "knat.nodeConfig" . }}
- --node-config=/etc/knat/node.yaml
{{- end }}
{{- if and .Values.service.enabled .Values.service.kubeProxyConfigMap }}
- --kube-proxy-config=/var/lib/kube-proxy/config.conf
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
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What every container of knat has. */}}
{{- define "knat.container" -}}
image: {{ include "knat.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  # Root, but with one capability: a user of another number would not pass it on to the nft program, since
  # Kubernetes knows no ambient capabilities.
  runAsUser: 0
  runAsGroup: 0
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    # nftables, conntrack and large netlink buffers. The kernel loads its modules itself: no SYS_MODULE.
    add: {{- concat (list "NET_ADMIN") .Values.securityContext.extraCapabilities | toYaml | nindent 6 }}
{{- end -}}
