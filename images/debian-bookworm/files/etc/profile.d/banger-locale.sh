# ssh carries the client's locale along; only C.UTF-8 is in the image. Until other locales are generated (package
# locales), programs would complain about each of them.
if [ ! -e /usr/lib/locale/locale-archive ]; then
  case "${LC_ALL:-}${LANG:-}" in
    "" | C | C.UTF-8 | C.utf8 | POSIX) ;;
    *) unset LC_ALL LANGUAGE; LANG=C.UTF-8 ;;
  esac
  unset LC_ADDRESS LC_COLLATE LC_CTYPE LC_IDENTIFICATION LC_MEASUREMENT LC_MESSAGES LC_MONETARY LC_NAME LC_NUMERIC \
    LC_PAPER LC_TELEPHONE LC_TIME
fi
export LANG="${LANG:-C.UTF-8}"
