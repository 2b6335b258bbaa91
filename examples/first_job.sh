#!/usr/bin/env bash
# Upload a dataset, read its report, run a job and list its events. Set OPENAI_BASE_URL, and OPENAI_API_KEY to a
# team's key.
set -euo pipefail
cd "$(dirname "$0")"

api() { curl -sS --fail-with-body -H "Authorization: Bearer $OPENAI_API_KEY" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

echo "Uploading 64 examples"
file=$(api "$OPENAI_BASE_URL/files" -F purpose=fine-tune -F file=@data/tea-shop.jsonl | field id)
until [ "$(api "$OPENAI_BASE_URL/files/$file" | field status)" != uploaded ]; do sleep 0.2; done

echo "The report, with costs:"
api "$OPENAI_BASE_URL/files/$file/report" | python3 -m json.tool --no-ensure-ascii

echo "Starting a job"
job=$(api "$OPENAI_BASE_URL/fine_tuning/jobs" -H 'Content-Type: application/json' \
  -d "{\"model\": \"sandbox-mini\", \"training_file\": \"$file\", \"suffix\": \"support\"}" | field id)
until [[ "$(api "$OPENAI_BASE_URL/fine_tuning/jobs/$job" | field status)" =~ ^(succeeded|failed|cancelled)$ ]]; do
  sleep 0.5
done

echo "Its last events:"
api "$OPENAI_BASE_URL/fine_tuning/jobs/$job/events?limit=5" | python3 -m json.tool --no-ensure-ascii
