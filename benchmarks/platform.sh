#!/usr/bin/env bash
# The platform as a plain script makes it: kind, docker, kubectl, helm, istioctl, and boto3 for AWS. The rival in the benchmark.
# Usage: platform.sh up|again|down|clean DIRECTORY, with the inputs that export.py wrote there. `again` is `up` on a platform that stands,
# `clean` removes the containers whatever became of the rest.
set -euo pipefail
action=$1
inputs=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null  # written by export.py
. "$inputs/platform.env"
export KUBECTL KUBECONFIG="$inputs/kubeconfig"
rendered="$inputs/rendered"
began=${EPOCHREALTIME/./}

step() { # NAME: say how long everything until here has taken
  printf 'STEP\t%s\t%d\n' "$1" $(((${EPOCHREALTIME/./} - began) / 1000))
}

with_arguments() { # FILE: run docker with the arguments of this file, one a line
  local arguments
  mapfile -t arguments <"$inputs/$1.args"
  docker "${arguments[@]}" >/dev/null
}

up() {
  docker network inspect kind >/dev/null 2>&1 || with_arguments network
  docker container inspect "$API" >/dev/null 2>&1 || with_arguments api
  docker container inspect "$LOAD_BALANCER" >/dev/null 2>&1 || with_arguments load_balancer
  step "emulated AWS"

  if ! "$KIND" get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    mkdir -p "$MARK_DIR"
    "$KIND" create cluster --name "$CLUSTER" --config "$inputs/kind.json" --kubeconfig "$KUBECONFIG" --wait 0s --retain
    for node in $("$KIND" get nodes --name "$CLUSTER"); do
      docker exec -i "$node" sh -ec "$(<"$inputs/install-drop-in.sh")" <"$inputs/kubelet-drop-in.conf"
    done
  fi
  local present name archive
  present=$(docker exec "$CLUSTER-control-plane" ctr --namespace=k8s.io images ls -q)
  while read -r name archive; do
    if [ -n "$name" ] && ! grep -qxF "$name" <<<"$present"; then
      "$KIND" load image-archive "$archive" --name "$CLUSTER"
    fi
  done <<<"$IMAGES"
  step "kind cluster"

  "$KUBECTL" wait node --all --for=condition=Ready --timeout=180s
  "$KUBECTL" --namespace kube-system rollout status deployment/coredns --timeout=180s
  step "node ready"

  python "$here/aws.py" up "$inputs"
  step "network, EKS, roles"

  local chart
  mapfile -t chart <<<"$CHART_ARGUMENTS"
  "$HELM" upgrade --install "$RELEASE" "${chart[@]}" --namespace "$RELEASE_NAMESPACE" --values "$rendered/values.json" --wait --timeout 180s >/dev/null
  step "load balancer controller"

  "$KUBECTL" apply --server-side --force-conflicts -f "$inputs/gateway-crds.json"
  step "Gateway API CRDs"

  "$KUBECTL" apply -f "$rendered/namespaces.json"
  "$ISTIOCTL" install --skip-confirmation --filename "$rendered/operator.json" --readiness-timeout 300s
  "$KUBECTL" apply -f "$rendered/ingress.json"
  step "Istio and Ingress"

  "$KUBECTL" apply -f "$rendered/services.json"
  local namespace deployment
  while read -r namespace deployment; do
    "$KUBECTL" --namespace "$namespace" rollout status "deployment/$deployment" --timeout=180s
  done <<<"$DEPLOYMENTS"
  step "services"

  local hostname=""
  until [ -n "$hostname" ]; do
    hostname=$("$KUBECTL" --namespace "$INGRESS_NAMESPACE" get ingress "$INGRESS" -o 'jsonpath={.status.loadBalancer.ingress[0].hostname}')
    [ -n "$hostname" ] || sleep 0.3
  done
  local address path body
  while IFS=$'\t' read -r address path body; do
    until [ "$(curl --silent --max-time 5 --noproxy '*' --header "Host: $hostname" "http://$address$path")" = "$body" ]; do
      sleep 0.3
    done
  done <"$inputs/requests"
  step "first answers"
}

down() {
  # Only what has a load balancer in AWS is awaited: the pods go with their node.
  "$KUBECTL" delete --ignore-not-found --wait=false -f "$rendered/services.json"
  step "services"
  "$KUBECTL" delete --ignore-not-found -f "$rendered/ingress.json"
  "$ISTIOCTL" uninstall --purge --skip-confirmation
  "$KUBECTL" delete --ignore-not-found --wait=false -f "$rendered/namespaces.json"
  step "Ingress and Istio"
  "$HELM" uninstall "$RELEASE" --namespace "$RELEASE_NAMESPACE" --wait >/dev/null
  step "load balancer controller"
  python "$here/aws.py" down "$inputs"
  step "network, EKS, roles"
  clean
  step "kind cluster, emulated AWS"
}

clean() {
  "$KIND" delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
  docker rm --force --volumes "$API" "$LOAD_BALANCER" >/dev/null
  docker network rm kind >/dev/null
  rmdir --ignore-fail-on-non-empty --parents "$MARK_DIR" 2>/dev/null || true
}

case $action in
  up | again) up ;;
  down) down ;;
  clean) clean ;;
  *) echo "unknown action '$action'; known: up again down clean" >&2; exit 2 ;;
esac
