#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Starts Airflow on a machine with Ubuntu 24.04, docker.io and docker-compose-v2, and prepares the machine for it:
# settings, swap, images, containers, units of systemd. It lies in the folder of compose.yaml, and runs as root:
#
#   /opt/airflow-provider-twitch/start.sh AIRFLOW_IMAGE=… TWITCH_BUCKET=… AWS_REGION=…
#
# The settings that are given replace those in .env; all others are kept, the secrets too, which new_env.py makes if there
# are none. Run it again to change a setting or the image. STACK=… in the environment, once, names the stack whose
# alarms status.py supplies. On failure, the last line is one sentence, which also lies in /run/airflow-provider-twitch.error.
set -Eeuo pipefail
umask 077
cd "$(dirname "$(realpath "$0")")"
reason=/run/airflow-provider-twitch.error
rm --force "$reason"
fail() {
  trap - ERR
  echo "$1" >"$reason"
  echo "error: $1" >&2
  exit 1
}
trap 'fail "Line $LINENO of start.sh failed: see the log"' ERR

# In MiB, without what only root may use.
room() {
  df --output=avail --block-size=1M "$1" | tail --lines 1 | tr --delete " "
}

# A registry, or the network of a machine that has just started, may fail for a minute.
pull() {
  local pause
  # An image that is present is not pulled: a restart needs no registry.
  docker image inspect "$1" >/dev/null 2>&1 && return
  for pause in 5 10 20 40 80; do
    docker pull --quiet "$1" && return
    echo "Failed, retrying in $pause s: docker pull $1"
    sleep "$pause"
  done
  docker pull --quiet "$1" || fail "$1 was not pulled, with $(room /) MiB free on the root volume: what ran before goes on"
}

# PostgreSQL neither starts nor stops well on a full disk.
if (($(room .) < 300)); then
  fail "The volume with the data is full: raise DataGigabytes and restart the instance; nothing was changed"
fi
if (($(room /) < 3000)); then
  docker image prune --all --force >/dev/null
  (($(room /) >= 1000)) || fail "The root volume is full: see what takes the room with docker system df; nothing was changed"
fi

# Without its .env, the database is of no use: it keeps the password that it was created with.
if [[ ! -s .env && -e /var/lib/docker/volumes/twitch_postgres ]]; then
  fail "There is a database but no .env with its password: restore $PWD/.env from a snapshot, or remove the volume twitch_postgres"
fi
touch .env
before=$(grep '^AIRFLOW_IMAGE=' .env || true)
# Without the tools of a virtual environment: Ubuntu's own Python.
python3 -I new_env.py --keep .env "$@" >.env.new 2>.env.error || fail "$(sed --quiet 's/^error: //p' .env.error)"
rm .env.error

# The limits of compose.yaml let idle memory be swapped out; without swap, the kernel could only end processes.
if [[ ! -e /swapfile ]]; then
  fallocate --length 2G /swapfile.new
  chmod 0600 /swapfile.new
  mkswap /swapfile.new >/dev/null
  mv /swapfile.new /swapfile
  echo "/swapfile none swap sw 0 0" >>/etc/fstab
  swapon /swapfile
fi

images=$(docker compose --env-file .env.new config --images)
for image in $images; do
  pull "$image"
done
mv .env.new .env
# The database is migrated while nothing uses it.
if [[ -n $before && $before != "$(grep '^AIRFLOW_IMAGE=' .env)" ]]; then
  docker compose stop
fi
if ! docker compose up --detach --remove-orphans --wait --wait-timeout 900; then
  status=$(python3 status.py || true)
  echo "$status"
  why=$(grep --max-count 1 '^error: ' <<<"$status" || true)
  fail "Airflow did not start: ${why#error: }"
fi

for unit in airflow-provider-twitch.service airflow-provider-twitch-status.{service,timer}; do
  install --mode 0644 "$unit" /etc/systemd/system/
done
if [[ -n ${STACK:-} ]]; then
  echo "STACK=$STACK" >/etc/default/airflow-provider-twitch
fi
systemctl daemon-reload
systemctl enable --now airflow-provider-twitch.service airflow-provider-twitch-status.timer
# At once: an alarm that is created after the first start would find nothing, and silence is a fault.
systemctl start airflow-provider-twitch-status.service || echo "Not well yet: see python3 $PWD/status.py"
docker image prune --all --force >/dev/null # images from before an update
echo "Airflow is up"
