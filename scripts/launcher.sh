#!/bin/sh
# Starts @PROGRAM@ with the Node it was built for, wherever this tree lies and through however many symlinks it is called.
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
case $self in
  */*) here=${self%/*} ;;
  *) here=. ;;
esac
# As it was typed, for hints that can be typed too.
BANGER_STARTED_AS=$0 @ENVIRONMENT@ exec "$here/../lib/node" @FLAGS@ "$here/../lib/@PROGRAM@.cjs" "$@"
