#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Deploys another image on a stack of airflow-ec2.yaml, and succeeds only if Airflow is well with it: all containers of the
# new image are healthy, and the first run that ended since was a success, if one is due soon.
#
#   deploy/update.sh STACK IMAGE
#
# Every other parameter keeps its value. It needs the AWS CLI with its Session Manager plugin, and a terminal or `unbuffer`.
# MINUTES=… allows another time than half an hour after the update of the stack. For macOS too: bash 3.2, short options.
set -euo pipefail
if (($# != 2)) || [[ ! $2 =~ ^[a-z0-9][A-Za-z0-9._:/@-]*$ ]]; then
  echo "error: give the name of the stack and the new image: ${0##*/} STACK IMAGE" >&2
  exit 2
fi
stack=$1 image=$2

ask() {
  aws cloudformation describe-stacks --stack-name "$stack" --output text --query "$1"
}
before=$(ask "Stacks[0].Parameters[?ParameterKey=='Image'].ParameterValue")
echo "$stack has $before"
aws cloudformation deploy --stack-name "$stack" --template-file "$(dirname "$0")/airflow-ec2.yaml" \
  --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides "Image=$image"
instance=$(ask "Stacks[0].Outputs[?OutputKey=='InstanceId'].OutputValue")

# Short sessions: an idle one ends after some time, and one that began before the machine stopped ends with it. The exit
# status of the command does not come through: https://github.com/aws/session-manager-plugin/issues/59
command="sudo python3 /opt/airflow-provider-twitch/status.py --image $image --since start --wait 60"
deadline=$((SECONDS + ${MINUTES:-30} * 60))
echo "Waiting until Airflow is well with $image"
while true; do
  answer=$(aws ssm start-session --target "$instance" --document-name AWS-StartNonInteractiveCommand \
    --parameters "{\"command\": [\"$command\"]}" 2>&1 | tr -d '\r') || true
  if grep -qx 'status: well' <<<"$answer"; then
    grep '^ok: ' <<<"$answer" || true
    echo "$stack is well with $image"
    exit
  fi
  # Without what Session Manager says about itself; the last line where the machine does not answer yet.
  echo "-- not yet:"
  grep '^error: ' <<<"$answer" || grep . <<<"$answer" | tail -n 1 || echo "No answer"
  ((SECONDS < deadline)) || break
  sleep 15
done
echo "error: $stack is not well with $image. To go back: ${0##*/} $stack $before" >&2
exit 1
