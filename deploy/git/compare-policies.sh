#!/bin/sh
# Compares policies with those of a commit: `compare-policies.sh COMMIT POLICY...`. Exit code 1 if one allows something new or
# is less safe, unless PULLGATE_ALLOW_WIDER is set, and if one has an error. A policy that the commit does not have is new.
commit=$1
shift
status=0
for policy; do
    if ! git cat-file -e "$commit:./$policy" 2>/dev/null; then
        echo "$policy is new"
        pullgate check "$policy" || status=1
        continue
    fi
    echo "$policy, since $commit:"
    git show "$commit:./$policy" | pullgate compare - "$policy"
    case $? in
        0 | 1) ;;
        2) [ -n "$PULLGATE_ALLOW_WIDER" ] || status=1 ;;
        *) status=1 ;;
    esac
done
exit $status
