#!/bin/sh
# Checks policies: `check-policies.sh POLICY...`. Exit code 1 if one of them has an error.
status=0
for policy; do
    pullgate check "$policy" || status=1
done
exit $status
