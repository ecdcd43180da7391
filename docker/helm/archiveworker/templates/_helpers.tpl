{{- define "archiveworker.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "archiveworker.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "archiveworker.labels" -}}
{{ include "archiveworker.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "archiveworker.secret" -}}
{{- .Values.secret.existing | default (include "archiveworker.name" .) -}}
{{- end -}}

{{- define "archiveworker.spoolClaim" -}}
{{- .Values.spool.existingClaim | default (printf "%s-spool" (include "archiveworker.name" .)) -}}
{{- end -}}
