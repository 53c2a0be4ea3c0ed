# mise in login shells: its tools are on PATH, and a project's mise.toml takes effect. mise itself is only run where there
# is a configuration, because it is a large program and most directories have none.
case ":$PATH:" in
  *:"$HOME/.local/share/mise/shims":*) ;;
  *) export PATH="$HOME/.local/share/mise/shims:$HOME/.local/bin:$PATH" ;;
esac

# True if mise has something to do in this directory.
_banger_mise_here() {
  [ -e "${XDG_CONFIG_HOME:-$HOME/.config}/mise/config.toml" ] && return 0
  _banger_dir=$PWD
  while :; do
    for _banger_file in mise.toml .mise.toml mise.local.toml .mise.local.toml mise/config.toml .mise/config.toml \
      .config/mise.toml .config/mise/config.toml .tool-versions; do
      [ -e "$_banger_dir/$_banger_file" ] && return 0
    done
    [ -n "$_banger_dir" ] && [ "$_banger_dir" != / ] || return 1
    _banger_dir=${_banger_dir%/*}
  done
}

case $- in
  *i*)
    # At the prompt the first directory with a configuration hands over to mise's own hook.
    if [ -n "${BASH_VERSION:-}" ]; then
      _banger_mise_prompt() {
        local status=$?
        if [ "$PWD" != "${_banger_mise_pwd:-}" ]; then
          _banger_mise_pwd=$PWD
          if _banger_mise_here; then
            PROMPT_COMMAND=${PROMPT_COMMAND#_banger_mise_prompt}
            PROMPT_COMMAND=${PROMPT_COMMAND#;}
            eval "$(mise activate bash)"
          fi
        fi
        return $status
      }
      PROMPT_COMMAND="_banger_mise_prompt${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
    fi
    ;;
  *)
    if _banger_mise_here; then eval "$(mise env --shell bash)"; fi
    ;;
esac
