//! Docker Hub and its names (rules H1 and H2).

/// The name of Docker Hub in texts.
pub const DISPLAY_NAME: &str = "docker.io";

/// The registry host of Docker Hub.
pub const REGISTRY_HOST: &str = "registry-1.docker.io";

/// The port that may follow a name of Docker Hub without changing its meaning.
pub(crate) const DEFAULT_PORT: u16 = 443;

/// The domains whose wildcard covers Docker Hub, the longest first: those above `registry-1.docker.io` and
/// `index.docker.io`.
pub const WILDCARD_DOMAINS: [&str; 2] = ["docker.io", "io"];

/// The names of Docker Hub.
pub const NAMES: [&str; 4] = [DISPLAY_NAME, "index.docker.io", REGISTRY_HOST, "registry.hub.docker.com"];

/// Returns whether a canonical name with this port means Docker Hub.
pub fn is_docker_hub(name: &str, port: Option<u16>) -> bool {
    NAMES.contains(&name) && port.is_none_or(|port| port == DEFAULT_PORT)
}

/// Returns whether a one-component repository under this domain gets the prefix `library/`: under the spellings that
/// Docker's own normalization turns into `docker.io`.
pub(crate) fn implies_library_namespace(domain: &str) -> bool {
    matches!(domain, "docker.io" | "index.docker.io")
}

/// Returns whether a canonical name is of a web site of Docker Hub, where no images are.
#[inline(never)]
pub(crate) fn is_web_site(name: &str) -> bool {
    const SITES: [&str; 9] = [
        "docker.com",
        "www.docker.com",
        "app.docker.com",
        "hub.docker.com",
        "registry.docker.com",
        "store.docker.com",
        "hub.docker.io",
        "registry.docker.io",
        "www.docker.io",
    ];
    SITES.contains(&name)
}

/// Returns the repositories that a page of the web site is about: `library/nginx` for `_/nginx` and `r/library/nginx`.
/// It is empty for a page about none.
pub(crate) fn repositories_of_page(path: &str) -> String {
    let mut components = path.split('/').filter(|component| !component.is_empty());
    let (kind, first, second) = (components.next(), components.next(), components.next());
    match (kind, first, second) {
        (Some("_"), Some(image), _) => format!("library/{image}"),
        (Some("r" | "layers"), Some(owner), Some(image)) => format!("{owner}/{image}"),
        (Some("r" | "u"), Some(owner), None) | (Some("u"), Some(owner), _) => owner.to_owned(),
        _ => String::new(),
    }
}

/// Returns whether `name` is an official image, in `library/`.
#[inline(never)]
pub(crate) fn is_official_image(name: &str) -> bool {
    OFFICIAL_IMAGES.split(' ').any(|image| image == name)
}

/// The folder `library` of github.com/docker-library/official-images in August 2026, with the retired images that
/// Docker Hub still has.
const OFFICIAL_IMAGES: &str = "\
    adminer adoptopenjdk aerospike almalinux alpine alt amazoncorretto amazonlinux api-firewall arangodb archlinux \
    azul-zulu backdrop bash bonita buildpack-deps busybox caddy cassandra celery centos chronograf cirros clearlinux \
    clefos clickhouse clojure composer consul convertigo couchbase couchdb crate crux dart debian django docker \
    drupal eclipse-mosquitto eclipse-temurin eggdrop elasticsearch elixir emqx erlang espocrm euleros \
    express-gateway fedora flink fluentd friendica fsharp gazebo gcc geonetwork ghost glassfish golang gradle groovy \
    haproxy haskell haxe hello-seattle hello-world hipache hitch hola-mundo httpd hylang ibm-semeru-runtimes ibmjava \
    influxdb iojs irssi java jenkins jetty jobber joomla jruby julia kaazing-gateway kapacitor kibana known kong \
    krakend lightstreamer liquibase logstash mageia mariadb matomo maven mediawiki memcached mongo mongo-express \
    monica mono mysql nats nats-streaming neo4j neurodebian nextcloud nginx nim node notary nuxeo odoo open-liberty \
    openjdk opensuse oraclelinux orientdb owncloud percona perl photon php php-zendserver phpmyadmin piwik plone \
    postfixadmin postgres pypy python r-base rabbitmq rails rakudo-star rapidoid redis redmine registry rethinkdb \
    rocket.chat rockylinux ros ruby rust sapmachine satosa sentry silverpeas sl solr sonarqube sourcemage spark \
    spiped storm swarm swift swipl teamspeak telegraf thrift tomcat tomee traefik ubuntu ubuntu-debootstrap \
    ubuntu-upstart unit varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_images_are_repositories() {
        for image in OFFICIAL_IMAGES.split(' ') {
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
            assert!(!image.is_empty() && image.bytes().all(is_name), "{image:?}");
        }
        assert!(is_official_image("nginx") && is_official_image("zookeeper") && is_official_image("adminer"));
        assert!(!is_official_image("bitnami") && !is_official_image("ngin") && !is_official_image(""));
    }

    #[test]
    fn pages_lead_to_repositories() {
        for (path, repositories) in [
            ("_/nginx", "library/nginx"),
            ("_/nginx/tags", "library/nginx"),
            ("r/library/nginx", "library/nginx"),
            ("r/bitnami/redis/tags/", "bitnami/redis"),
            ("r/bitnami", "bitnami"),
            ("u/bitnami", "bitnami"),
            ("layers/bitnami/redis/latest", "bitnami/redis"),
            ("search", ""),
            ("v2", ""),
            ("", ""),
        ] {
            assert_eq!(repositories_of_page(path), repositories, "{path}");
        }
    }
}
