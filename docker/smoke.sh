#!/usr/bin/env bash
# Asks a service at URL, with KEY, to check a theorem that holds and one that does not.
#   docker/smoke.sh http://127.0.0.1:8321 KEY
set -euo pipefail
url=$1
key=$2
deadline=$((SECONDS + ${SMOKE_S:-300}))

until curl --silent --fail --output /dev/null "$url/readyz"; do
  if ((SECONDS >= deadline)); then
    echo "the service at $url is not ready" >&2
    curl --silent --show-error "$url/readyz" >&2 || true
    exit 1
  fi
  sleep 2
done

# $1: a proof of `1 + 1 = 2`. Prints what became of it.
judged() {
  curl --silent --show-error --fail "$url/v1/checks?wait=120" \
    --header "Authorization: Bearer $key" --header 'Content-Type: application/json' \
    --data "{\"code\": \"theorem smoke : 1 + 1 = 2 := $1\"}" |
    grep -oE '"kind":"(accepted|rejected|undecided)"' | head -n 1
}

good=$(judged rfl)
bad=$(judged sorry)
echo "rfl: $good; sorry: $bad"
[[ $good == '"kind":"accepted"' && $bad == '"kind":"rejected"' ]]
