# Tools installed by mise are on PATH in every login shell.
case ":$PATH:" in
  *:"$HOME/.local/share/mise/shims":*) ;;
  *) export PATH="$HOME/.local/share/mise/shims:$PATH" ;;
esac
