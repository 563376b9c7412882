#!/usr/bin/env bash
# Nightly backup of the ERP database. Owner: platform team. Runs at 02:40 from cron on erp-db2.
# Exit codes: 0 done, 3 not enough space, 4 dump failed, 5 checksum mismatch, 9 another run is active.
set -euo pipefail

TARGET="${BACKUP_TARGET:-/srv/backup/erp}"
KEEP_DAYS=35            # monthly copies are kept for seven years by the archive job, not here
MIN_FREE_GB=180         # a full dump was 121 GB in May 2025
LOCK=/run/lock/backup_erp.lock

exec 9>"$LOCK"
flock -n 9 || { echo "another backup is running" >&2; exit 9; }

free_gb=$(df --output=avail -BG "$TARGET" | tail -1 | tr -dc '0-9')
if (( free_gb < MIN_FREE_GB )); then
  echo "only ${free_gb} GB free in $TARGET" >&2
  exit 3
fi

stamp=$(date +%Y%m%d)
file="$TARGET/erp-$stamp.dump.zst"
# Never dump from the primary: the lock on the orders table stopped the plant in 2022.
pg_dump --host=erp-standby --format=custom erp | zstd -T2 -9 > "$file.part" || exit 4
mv "$file.part" "$file"
sha256sum "$file" > "$file.sha256"
sha256sum --check --quiet "$file.sha256" || exit 5

find "$TARGET" -name 'erp-*.dump.zst*' -mtime +"$KEEP_DAYS" -delete
