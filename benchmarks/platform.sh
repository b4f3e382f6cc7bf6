#!/usr/bin/env bash
# The platform as others make it, the rivals in the benchmark: a plain script with kind, docker, kubectl, helm and istioctl, or the same with
# helmfile for all that is above Kubernetes. Both call AWS by boto3.
# Usage: platform.sh up|again|down|clean script|helmfile DIRECTORY, with the inputs that export.py wrote there. `again` is `up` on a platform
# that stands, `clean` removes the containers whatever became of the rest. `more` and `less` with SET as the last word add and remove services.
set -euo pipefail
action=$1 rival=$2
INPUTS=$(cd "$3" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
set -a
# shellcheck source=/dev/null  # written by export.py
. "$INPUTS/platform.env"
KUBECONFIG="$INPUTS/kubeconfig"
set +a
export INPUTS  # its helmfiles read it
rendered="$INPUTS/rendered"
began=${EPOCHREALTIME/./}

step() { # NAME: say how long everything until here has taken
  printf 'STEP\t%s\t%d\n' "$1" $(((${EPOCHREALTIME/./} - began) / 1000))
}

with_arguments() { # FILE: run docker with the arguments of this file, one a line
  local arguments
  mapfile -t arguments <"$INPUTS/$1.args"
  docker "${arguments[@]}" >/dev/null
}

with_helmfile() { # FILE COMMAND
  HELMFILE_CACHE_HOME="$INPUTS/helmfile" "$HELMFILE" --helm-binary "$HELM" --skip-deps --file "$here/helmfile/$1.yaml.gotmpl" "$2"
}

ground() {
  docker network inspect kind >/dev/null 2>&1 || with_arguments network
  docker container inspect "$API" >/dev/null 2>&1 || with_arguments api
  docker container inspect "$LOAD_BALANCER" >/dev/null 2>&1 || with_arguments load_balancer
  step "emulated AWS"

  if ! "$KIND" get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    mkdir -p "$MARK_DIR"
    "$KIND" create cluster --name "$CLUSTER" --config "$INPUTS/kind.json" --kubeconfig "$KUBECONFIG" --wait 0s --retain
    for node in $("$KIND" get nodes --name "$CLUSTER"); do
      docker exec -i "$node" sh -ec "$(<"$INPUTS/install-drop-in.sh")" <"$INPUTS/kubelet-drop-in.conf"
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

  python "$here/aws.py" up "$INPUTS"
  step "network, EKS, roles"
}

mesh_by_script() {
  "$HELM" upgrade --install "$RELEASE" "$CHART" --namespace "$RELEASE_NAMESPACE" --values "$rendered/values.json" --wait --timeout 180s >/dev/null
  step "load balancer controller"

  "$KUBECTL" apply --server-side --force-conflicts -f "$INPUTS/gateway-crds.json"
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
}

mesh_by_helmfile() {
  with_helmfile helmfile sync
  step "helmfile's releases"
}

answers() {
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
  done <"$INPUTS/requests"
  step "first answers"
}

# Of what is removed, only what has a load balancer in AWS is awaited: the pods go with their node.
unmesh_by_script() {
  "$KUBECTL" delete --ignore-not-found --wait=false -f "$rendered/services.json"
  step "services"
  "$KUBECTL" delete --ignore-not-found -f "$rendered/ingress.json"
  "$ISTIOCTL" uninstall --purge --skip-confirmation
  "$KUBECTL" delete --ignore-not-found --wait=false -f "$rendered/namespaces.json"
  step "Ingress and Istio"
  "$HELM" uninstall "$RELEASE" --namespace "$RELEASE_NAMESPACE" --wait >/dev/null
  step "load balancer controller"
}

unmesh_by_helmfile() {
  with_helmfile helmfile destroy
  step "helmfile's releases"
}

down() {
  "unmesh_by_$rival"
  python "$here/aws.py" down "$INPUTS"
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

more_by_script() {
  "$KUBECTL" apply -f "$INPUTS/more/$1.json"
  "$KUBECTL" wait deployment --all-namespaces --selector "$MORE_SELECTOR" --for=condition=Available --timeout=180s >/dev/null
}

less_by_script() {
  "$KUBECTL" delete -f "$INPUTS/more/$1.json"
}

more_by_helmfile() {
  MORE="$INPUTS/more/$1" with_helmfile more sync
}

less_by_helmfile() {
  MORE="$INPUTS/more/$1" with_helmfile more destroy
}

case $rival in
  script | helmfile) ;;
  *) echo "unknown rival '$rival'; known: script helmfile" >&2; exit 2 ;;
esac
case $action in
  up | again) ground; "mesh_by_$rival"; answers ;;
  down) down ;;
  clean) clean ;;
  more | less) "${action}_by_$rival" "$4" ;;
  *) echo "unknown action '$action'; known: up again down clean more less" >&2; exit 2 ;;
esac
