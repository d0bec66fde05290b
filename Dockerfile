# SPDX-License-Identifier: Apache-2.0
# The official Airflow image with this provider and its DAGs: docker build --tag airflow-twitch .
# Configure it at run time (connections, AIRFLOW__TWITCH__BUCKET …): no secret belongs in an image.

FROM python:3.12-slim-bookworm AS wheel
WORKDIR /src
COPY constraints/image-wheel.txt constraints/
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement constraints/image-wheel.txt \
    && pip check
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY dags dags
RUN python -m build --no-isolation --wheel --outdir /dist .

FROM apache/airflow:3.3.2-python3.12
# Two installations without dependencies: what the image lacks, each file compared with its hash, then our wheel,
# from no index. So pip cannot change what the image's constraints pinned, and pip check confirms that it is enough.
# Our constraints/runtime.txt would change dozens of packages, such as boto3, which the image's aiobotocore pins.
# https://airflow.apache.org/docs/docker-stack/build.html#extending-the-image
# The folder of the token cache is used only if it is private; a new volume mounted on it inherits owner and mode.
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    --mount=type=bind,source=constraints/image.txt,target=/image.txt \
    pip install --no-cache-dir --require-hashes --no-deps --requirement /image.txt \
    && pip install --no-cache-dir --no-index --no-deps /dist/*.whl \
    && mkdir --mode=0700 /opt/airflow/twitch_tokens \
    && pip check
COPY --chown=airflow:0 dags /opt/airflow/dags
# Every Airflow process reads it when it starts.
COPY --chown=airflow:0 deploy/airflow_local_settings.py /opt/airflow/config/
# What a machine needs to run the image; the stack of docs/deploy/ec2.md copies it from here.
COPY --chown=airflow:0 deploy/compose.yaml deploy/new_env.py deploy/start.sh deploy/status.py \
    deploy/airflow-provider-twitch.service deploy/airflow-provider-twitch-status.service \
    deploy/airflow-provider-twitch-status.timer /opt/airflow/deploy/
