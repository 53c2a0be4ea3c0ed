// What is run in the guest to install tools: plain shell, told everything by arguments.

/**
 * Arguments: the repository's directory. Installs what mise finds there, all at once, then each that is missing by itself, so that
 * one that fails keeps no other out. Status 0 when all are there.
 */
export const INSTALL = `
dir=$1
cd "$dir" || exit 1
if ! command -v mise > /dev/null 2>&1; then
  echo "banger: this image has no mise: no tools are installed"
  exit 1
fi
export MISE_YES=1
echo "banger: mise installs what $dir names"
mise trust --all > /dev/null 2>&1
if mise install; then
  echo "banger: all tools are there"
  exit 0
fi
echo "banger: that failed; once more, each tool by itself"
tools=$(mise ls --current --missing --no-header 2> /dev/null | awk '{ print $1 "@" $2 }')
failed=
for tool in $tools; do
  mise install "$tool" || failed="$failed $tool"
done
if [ -n "$tools" ] && [ -z "$failed" ] && mise install > /dev/null 2>&1; then
  echo "banger: all tools are there"
  exit 0
fi
echo "banger: not all tools are there:\${failed:- mise says why above}"
exit 1
`;

/** Arguments: the directory, the log, INSTALL. Shows what it does on stderr. */
export const IN_FOREGROUND = `
mkdir -p "\${2%/*}" && printf %s "$3" > "$2.sh" || exit 1
{ sh "$2.sh" "$1"; echo $? > "$2.status"; } 2>&1 < /dev/null | tee "$2" >&2
status=$(cat "$2.status")
rm -f "$2.sh" "$2.status"
exit "$status"
`;

/**
 * Arguments: the directory, the log, INSTALL, the name of a unit. Answers at once: what it begins outlives this session and the
 * command that opened it. No $ in the unit's arguments: systemd would take it for its own.
 */
export const IN_BACKGROUND = `
mkdir -p "\${2%/*}" && printf %s "$3" > "$2.sh" || exit 1
shell=/bin/bash
[ -x "$shell" ] || shell=/bin/sh
if [ -d /run/systemd/system ] && systemd-run --quiet --collect --unit="$4" --setenv=HOME="$HOME" \\
  --property=StandardOutput=truncate:"$2" --property=StandardError=inherit "$shell" -l "$2.sh" "$1" > /dev/null 2>&1 < /dev/null
then exit 0; fi
setsid "$shell" -l "$2.sh" "$1" > "$2" 2>&1 < /dev/null &
`;

/** Status of SHOW when there is no log. */
export const NO_LOG = 66;

/** Argument: \`follow\` goes on with what is written next. */
export const SHOW = `
cd "$HOME/.cache/banger" 2> /dev/null || exit ${NO_LOG}
follow=$1
set -- vm-run-tooling-*.log
[ -e "$1" ] || exit ${NO_LOG}
if [ "$follow" = follow ]; then exec tail -n +1 -F "$@"; fi
exec cat "$@"
`;
