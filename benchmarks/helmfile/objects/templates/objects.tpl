{{- range .Values.items }}
---
{{ toYaml . }}
{{- end }}
