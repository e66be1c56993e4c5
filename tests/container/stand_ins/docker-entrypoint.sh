#!/bin/sh
# As nginx's official image starts: fills in the templates, with the machine's DNS servers if asked to.
set -eu

if [ -n "${NGINX_ENTRYPOINT_LOCAL_RESOLVERS:-}" ]; then
  NGINX_LOCAL_RESOLVERS=$(awk '$1 == "nameserver" {print ($2 ~ ":") ? "["$2"]" : $2}' /etc/resolv.conf | xargs)
  export NGINX_LOCAL_RESOLVERS
fi
for script in /docker-entrypoint.d/*.envsh; do
  # shellcheck disable=SC1090
  [ -x "$script" ] && . "$script"
done

names=$(awk -v filter="${NGINX_ENVSUBST_FILTER:-}" 'BEGIN { for (name in ENVIRON) if (name ~ filter) printf "${%s} ", name }')
for template in /etc/nginx/templates/*.template; do
  envsubst "$names" <"$template" >"${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}/$(basename "$template" .template)"
done
exec "$@"
