{{- define "sluicebox.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluicebox.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "sluicebox.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sluicebox.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sluicebox.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluicebox.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluicebox.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "sluicebox.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sluicebox.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sluicebox.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sluicebox.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Address ranges of a NetworkPolicy's rule; without any, the rule holds for all. */}}
{{- define "sluicebox.ranges" -}}
{{- with . -}}
to:
  {{- range . }}
  - ipBlock: {cidr: {{ . | quote }}}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "sluicebox.configMapName" -}}
{{- default (printf "%s-pipeline" (include "sluicebox.fullname" .)) .Values.existingConfigMap.name -}}
{{- end -}}

{{- define "sluicebox.configMapKey" -}}
{{- if .Values.existingConfigMap.name -}}{{ .Values.existingConfigMap.key }}{{- else -}}pipeline.yaml{{- end -}}
{{- end -}}

{{/* JSON is YAML. Helm's numbers are floats, and toYaml writes 2000000000 as 2e+09, which is no whole number. */}}
{{- define "sluicebox.pipeline" -}}
{{- $http := dict "http" (dict "listen" (printf "0.0.0.0:%d" (int .Values.port))) -}}
{{- mergeOverwrite (deepCopy .Values.pipeline) $http | toPrettyJson -}}
{{- end -}}

{{/* The brokers, one a line: a pipeline names them as a list, or as one text with commas. */}}
{{- define "sluicebox.brokers" -}}
{{- $brokers := .Values.keda.kafka.brokers -}}
{{- if and (not $brokers) .Values.pipeline -}}
{{- $brokers = ((.Values.pipeline.source).kafka).brokers -}}
{{- end -}}
{{- if kindIs "string" $brokers -}}{{- $brokers = splitList "," $brokers -}}{{- end -}}
{{- range $brokers }}{{ trim . }}
{{ end -}}
{{- end -}}

{{- define "sluicebox.topics" -}}
{{- $topics := .Values.keda.kafka.topics -}}
{{- if and (not $topics) .Values.pipeline -}}
{{- $topics = ((.Values.pipeline.source).kafka).topics -}}
{{- end -}}
{{- if kindIs "string" $topics -}}{{- $topics = list $topics -}}{{- end -}}
{{- range $topics }}{{ . }}
{{ end -}}
{{- end -}}

{{- define "sluicebox.consumerGroup" -}}
{{- $group := .Values.keda.kafka.consumerGroup -}}
{{- if and (not $group) .Values.pipeline -}}
{{- $group = default (printf "sluicebox-%s" .Values.pipeline.name) ((.Values.pipeline.source).kafka).group -}}
{{- end -}}
{{- $group -}}
{{- end -}}

{{/* What the schema cannot say: it compares two values, or the schema's own words would not tell what to do. */}}
{{- define "sluicebox.validate" -}}
{{- if eq .Values.image.tag "latest" -}}
{{- fail "image.tag must not be latest: pods of one release would run different binaries" -}}
{{- end -}}
{{- $kafka := default dict ((.Values.pipeline).source).kafka -}}
{{- range list "auto.offset.reset" "bootstrap.servers" "enable.auto.commit" "enable.auto.offset.store" "enable.partition.eof" "group.id" "isolation.level" "metadata.broker.list" "partition.assignment.strategy" -}}
{{- if hasKey (default dict $kafka.properties) . -}}
{{- fail (printf "pipeline.source.kafka.properties must not hold %s, which Sluicebox sets itself: use brokers, group and start" .) -}}
{{- end -}}
{{- end -}}
{{- if and $kafka.topics $kafka.topics_regex -}}
{{- fail "pipeline.source.kafka must have topics or topics_regex, not both" -}}
{{- end -}}
{{- $transform := default dict (.Values.pipeline).transform -}}
{{- if and $transform.wasm (or $transform.artifact $transform.registry) -}}
{{- fail "pipeline.transform must have wasm or artifact with registry, not both" -}}
{{- end -}}
{{- range .Values.secretFiles -}}
{{- if has (trimSuffix "/" .mountPath) (list "" "/pipeline" "/tmp") -}}
{{- fail (printf "secretFiles.mountPath must not be %s, where the chart mounts something itself" .mountPath) -}}
{{- end -}}
{{- end -}}
{{- range list "bootstrapServers" "consumerGroup" "topic" "lagThreshold" "offsetResetPolicy" "allowIdleConsumers" "scaleToZeroOnInvalidOffset" -}}
{{- if hasKey $.Values.keda.metadata . -}}
{{- fail (printf "keda.metadata must not hold %s, which the chart sets: use keda.kafka and keda.lagThreshold" .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.serviceAccount.roleArn .Values.serviceAccount.podIdentity -}}
{{- fail "serviceAccount must have roleArn (IRSA) or podIdentity, not both: the role's annotation would win in silence" -}}
{{- end -}}
{{- if and (not .Values.keda.enabled) (gt (int .Values.replicas) (int .Values.partitions)) -}}
{{- fail (printf "replicas (%d) must be at most partitions (%d): a member of the group without a partition does nothing" (int .Values.replicas) (int .Values.partitions)) -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.brokerPorts) (not (include "sluicebox.brokers" . | trim)) -}}
{{- fail "networkPolicy needs the brokers' ports: set networkPolicy.brokerPorts beside existingConfigMap, or no pod reaches Kafka" -}}
{{- end -}}
{{- if .Values.keda.enabled -}}
{{- if gt (int .Values.keda.minReplicaCount) (int .Values.partitions) -}}
{{- fail (printf "keda.minReplicaCount (%d) must be at most partitions (%d)" (int .Values.keda.minReplicaCount) (int .Values.partitions)) -}}
{{- end -}}
{{- if not (include "sluicebox.topics" . | trim) -}}
{{- fail "keda needs topics by name: set keda.kafka.topics beside topics_regex or existingConfigMap, or KEDA counts the lag of every topic of the group" -}}
{{- end -}}
{{- if not (include "sluicebox.brokers" . | trim) -}}
{{- fail "keda needs brokers: set keda.kafka.brokers beside existingConfigMap" -}}
{{- end -}}
{{- if not (include "sluicebox.consumerGroup" .) -}}
{{- fail "keda needs the consumer group: set keda.kafka.consumerGroup beside existingConfigMap (sluicebox-<name of the pipeline> unless the file says otherwise)" -}}
{{- end -}}
{{- end -}}
{{- end -}}
