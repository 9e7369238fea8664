#!/bin/sh
# Installs what package-lock.json says, with a line of progress every few seconds and a Node that really runs at the
# end. Not `npm ci`: it refuses a lock without the optional binaries of other platforms, which not every registry
# carries. tools/check-installed.ts asks afterwards what `npm ci` would have asked.
set -eu
cd "$(dirname "$0")/.."

total=$(grep -c '^    "node_modules/' package-lock.json)
printf 'Installing %s packages …\n' "$total"
started=$(date +%s)
npm install --no-save --no-audit --no-fund --loglevel=error &
npm=$!
trap 'kill "$npm" 2>/dev/null || true' INT TERM

while sleep 3 && kill -0 "$npm" 2>/dev/null; do
  placed=$(find node_modules -name package.json -path '*node_modules/*/package.json' 2>/dev/null | wc -l)
  printf '  %s s, %s files of packages in place\n' "$(($(date +%s) - started))" "$placed"
done
wait "$npm"

# The node package fetches its binary in an install script, which npm may have been told to skip.
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  echo 'The Node of the node package is not there yet: npm rebuild node'
  npm rebuild node --ignore-scripts=false
fi
wanted=v$(cat .nvmrc)
found=$(node_modules/.bin/node --version 2>/dev/null) || found='none that runs'
if [ "$found" != "$wanted" ]; then
  printf 'Node %s is expected in node_modules/.bin, found %s.\nAre install scripts switched off (npm config get ignore-scripts)? Run: npm rebuild node --ignore-scripts=false\n' "$wanted" "$found" >&2
  rm -f node_modules/.package-lock.json
  exit 1
fi
node_modules/.bin/node tools/check-installed.ts || {
  rm -f node_modules/.package-lock.json
  exit 1
}
printf 'Installed in %s s; Node %s.\n' "$(($(date +%s) - started))" "$found"
